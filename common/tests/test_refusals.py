"""A server that refuses is waited for, and quoted: at the start and in the middle of the work."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.errors import Unavailable
from common.messaging import failure_detector
from common.messaging.streams import DEAD_LETTERS
from common.mongo import Document
from common.service import create_service
from common.settings import EventSettings
from devstack import replica_set
from devstack.bus_topology import declare_now
from devstack.counter_service import SERVICE, Tallies, Tally
from devstack.keys import KeyPair
from devstack.ports import LOOPBACK
from devstack.quick import Processes
from devstack.servers import MongoServer, NatsServer
from devstack.testing import BusPeer, eventually, running

PATH = "/api/tallies"
ROOT = "root:rootpassword"


class Settings(EventSettings):
    """Of a service on the bus."""

    service: ClassVar[str] = SERVICE


@pytest.fixture
def guarded_mongod(processes: Processes, tmp_path: Path) -> Iterator[MongoServer]:
    """A mongod that asks for passwords, with nobody in it but root."""
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("keyofthesetofthesetests")
    mongod = MongoServer(tmp_path / "mongod", tmp_path / "mongod.log", key_file=key)
    with processes.running(mongod) as server:
        with replica_set.connect(server.port) as nobody:
            nobody.admin.command("createUser", "root", pwd="rootpassword", roles=["root"])
        yield server


def administer(server: MongoServer, command: str, user: str, **more: object) -> None:
    """Have root do something about a user of the service's database."""
    with MongoClient[Document](
        f"mongodb://{ROOT}@{LOOPBACK}:{server.port}/?directConnection=true&authSource=admin"
    ) as root:
        root[SERVICE].command({command: user, **more})


def let_in(server: MongoServer) -> None:
    """Make the service's user."""
    administer(server, "createUser", SERVICE, pwd="right", roles=["readWrite"])


def service(mongo_uri: str, nats_url: str, keys: KeyPair) -> FastAPI:
    """A service that reads its database in each request and each event."""

    async def hear(event: TicketUpdated, tallies: Tallies) -> None:
        await tallies.get(event.id)

    settings = Settings(
        mongo_uri=mongo_uri,
        nats_url=nats_url,
        jwt_public_key=keys.public_pem,
        log_format="json",
    )
    return create_service(settings, repository=Tallies, handlers={Subject.TICKET_UPDATED: hear})


@pytest.fixture
def app(guarded_mongod: MongoServer, nats_url: str, jwt_keys: KeyPair) -> FastAPI:
    """The service, as a user of its database."""
    uri = guarded_mongod.uri(SERVICE).replace("://", f"://{SERVICE}:right@")
    return service(uri, nats_url, jwt_keys)


def said(caplog: pytest.LogCaptureFixture, message: str) -> list[str]:
    """Which errors were logged with a message."""
    return [str(each.__dict__["error"]) for each in caplog.records if each.message == message]


async def readiness(client: AsyncClient, **reasons: str) -> None:
    """Wait until the probe gives these reasons, and no others."""

    async def so() -> bool:
        try:
            told = (await client.get("/readyz")).json()["reasons"]
        except PyMongoError as error:
            pytest.fail(f"the probe does not take it for an outage: {error}")
        return told.keys() == reasons.keys() and all(
            text in told[name] for name, text in reasons.items()
        )

    await eventually(so, f"the reasons are {reasons}")


async def test_a_service_waits_for_its_database_user(
    app: FastAPI, guarded_mongod: MongoServer, caplog: pytest.LogCaptureFixture
) -> None:
    starting = asyncio.create_task(started(app))

    async def waits() -> bool:
        assert not starting.done()
        return bool(said(caplog, "waiting for MongoDB"))

    await eventually(waits)
    assert said(caplog, "waiting for MongoDB") == [
        "MongoDB refuses: Authentication failed. (AuthenticationFailed 18)"
    ]
    let_in(guarded_mongod)
    assert await starting == 200


async def started(app: FastAPI) -> int:
    """Start a service; how ready it is."""
    async with running(app) as client:
        await readiness(client)
        return (await client.get("/readyz")).status_code


async def test_a_revoked_permission_is_an_outage(
    app: FastAPI, guarded_mongod: MongoServer, peer: BusPeer
) -> None:
    let_in(guarded_mongod)
    async with running(app) as client:
        await readiness(client)
        administer(guarded_mongod, "revokeRolesFromUser", SERVICE, roles=["readWrite"])
        await readiness(client, mongodb="(Unauthorized 13)")
        await peer.publish(Tally.new().to_event())
        await peer.wait_redelivered(SERVICE)
        administer(guarded_mongod, "grantRolesToUser", SERVICE, roles=["readWrite"])
        await readiness(client)
        await peer.wait_acked_by(SERVICE)
        assert await peer.bus.streams.count(DEAD_LETTERS, ">") == 0


USERS = """
authorization {{ users: [
    {{ user: root, password: rootpassword }}
    {{ user: tallies, password: {password} }}
] }}
{more}
"""


class Guarded:
    """A NATS server whose configuration changes while it runs."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "nats.conf"
        self._configure("right")
        self.server = NatsServer(folder / "nats", folder / "nats.log", config=self._config)

    def _configure(self, password: str, more: str = "") -> None:
        self._config.write_text(USERS.format(password=password, more=more))

    def reload(self, password: str, more: str = "") -> None:
        """Have the service's password changed, or more configured, while the server runs."""
        self._configure(password, more)
        os.kill(self.server.pid, signal.SIGHUP)

    def restart(self, more: str = "") -> None:
        """Have the server crash, and start with more in its configuration."""
        self.server.kill()
        self._configure("right", more)
        self.server.start()

    def url(self, user: str, password: str) -> str:
        """Where this user connects."""
        return self.server.url.replace("://", f"://{user}:{password}@")


@asynccontextmanager
async def on_guarded_bus(
    folder: Path, mongo_uri: str, keys: KeyPair
) -> AsyncIterator[tuple[Guarded, AsyncClient]]:
    """The service on such a server, ready."""
    guarded = Guarded(folder)
    with Processes().running(guarded.server):
        declare_now(guarded.url("root", "rootpassword"))
        async with running(service(mongo_uri, guarded.url(SERVICE, "right"), keys)) as client:
            await readiness(client)
            yield guarded, client


async def test_a_changed_nats_password_is_an_outage(
    tmp_path: Path, mongo_uri: str, jwt_keys: KeyPair
) -> None:
    async with on_guarded_bus(tmp_path, mongo_uri, jwt_keys) as (guarded, client):
        guarded.reload("changed")
        await readiness(client, bus="uthorization")
        assert (await client.get("/readyz")).status_code == 200
        guarded.reload("right")
        await readiness(client)


async def test_a_connection_that_nats_closes_is_an_outage(
    tmp_path: Path, mongo_uri: str, jwt_keys: KeyPair
) -> None:
    async with on_guarded_bus(tmp_path, mongo_uri, jwt_keys) as (guarded, client):
        guarded.restart("max_subscriptions: 1")
        await readiness(client, bus="aximum subscriptions exceeded")
        guarded.restart()
        await readiness(client)
        async with BusPeer(guarded.url("root", "rootpassword")).connected() as peer:
            await wait_reconnected(peer)


async def wait_reconnected(peer: BusPeer) -> None:
    """Wait until the service has heard something new."""
    await peer.publish(Tally.new().to_event())

    async def heard() -> bool:
        try:
            return await peer.bus.streams.lag(SERVICE) == (0, 0)
        except Unavailable:
            return False

    await eventually(heard)


async def test_a_client_over_the_limit_reconnects(
    tmp_path: Path, mongo_uri: str, jwt_keys: KeyPair
) -> None:
    async with on_guarded_bus(tmp_path, mongo_uri, jwt_keys) as (guarded, client):
        other = BusPeer(guarded.url("root", "rootpassword"))

        async def one_is_sent_away() -> bool:
            of_service = (await client.get("/readyz")).json()["reasons"].get("bus", "")
            return "maximum connections exceeded" in of_service + other.bus.problem

        async with other.connected():
            guarded.reload("right", "max_connections: 1")
            await eventually(one_is_sent_away, "one is sent away in NATS' words")
            answers = [await client.get(path) for path in ("/livez", "/readyz")]
            assert [answer.status_code for answer in answers] == [200, 200]
            guarded.reload("right")
            await readiness(client)
            await wait_reconnected(other)
            await other.wait_for(TicketUpdated)


async def test_a_stream_that_stores_nothing_quotes_nats(
    tmp_path: Path, mongo_uri: str, jwt_keys: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure_detector, "OUTAGE_SECONDS", 0.5)
    async with on_guarded_bus(tmp_path, mongo_uri, jwt_keys) as (guarded, client):
        guarded.restart("jetstream: { max_file_store: 1 }")
        await readiness(client)
        async with BusPeer(guarded.url("root", "rootpassword")).connected() as peer:
            await peer.publish(Tally.new().to_event())  # from then on there is too much
            saying = asyncio.create_task(peer.publish(Tally.new().to_event()))

            async def told() -> bool:
                said = "NATS refuses ticket:updated: insufficient resources (10023), for"
                return peer.bus.problem.startswith(said)

            await eventually(told)
            guarded.restart()
            await saying
            assert peer.bus.problem == ""
