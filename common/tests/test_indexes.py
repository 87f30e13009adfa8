"""Indexes are made, however long that takes; what stands in the way is said and waited for."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from pymongo import MongoClient
from typing_extensions import override

from common import indexes, mongo, startup
from common.indexes import Index
from common.mongo import Document
from common.service import create_service
from common.settings import ServiceSettings
from devstack import replica_set
from devstack.counter_service import SERVICE, Tallies
from devstack.keys import KeyPair
from devstack.plan import http_url
from devstack.ports import LOOPBACK, free_port
from devstack.probes import answers_ok
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.servers import Membership, MongoServer
from devstack.testing import eventually, starting

PATH = "/api/tallies"
ROOT = "root:rootpassword@"
USER = f"{SERVICE}:right@"
SLOW = "hangAfterStartingIndexBuild"
FORGOTTEN = [("doneAt", 1)]


@pytest.fixture(scope="module")
def guarded_mongod(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MongoServer]:
    """A mongod with a user as in production, and with what slows it down."""
    folder, port = tmp_path_factory.mktemp("mongod"), free_port()
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text("keyofthesetofthesetests")
    member = Membership("mongod", ("--setParameter", "enableTestCommands=1"), (port,))
    mongod = MongoServer(folder / "files", folder / "mongod.log", port, key, member)
    with processes.running(mongod) as server:
        with replica_set.connect(server.port) as nobody:
            nobody.admin.command("createUser", "root", pwd="rootpassword", roles=["root"])
        yield server


@pytest.fixture
def root(guarded_mongod: MongoServer) -> Iterator[MongoClient[Document]]:
    """A person who may do everything, before a database without a past."""
    address = f"mongodb://{ROOT}{LOOPBACK}:{guarded_mongod.port}/?directConnection=true"
    with MongoClient[Document](address) as root:
        root.drop_database(SERVICE)
        root[SERVICE].command("dropAllUsersFromDatabase")
        root[SERVICE].command("createUser", SERVICE, pwd="right", roles=["readWrite"])
        root[SERVICE].tallies.insert_many([{"email": f"{n}@ticketing.test"} for n in range(9)])
        yield root
        root.admin.command({"configureFailPoint": SLOW, "mode": "off"})


class Stock(Tallies):
    """Tallies with an index of each kind."""

    @override
    async def prepare(self) -> None:
        await self.collection.ensure_index([("email", 1)], unique=True)
        await self.collection.ensure_index(FORGOTTEN, expire_after_seconds=3600)
        await self.collection.ensure_index([("owner", 1)], where={"isSilent": True})


@pytest.fixture(params=[USER])
def settings(
    root: MongoClient[Document],  # noqa: ARG001 - the database is empty first
    guarded_mongod: MongoServer,
    jwt_keys: KeyPair,
    request: pytest.FixtureRequest,
) -> ServiceSettings:
    """How the service is configured, as a user of MongoDB."""
    uri = guarded_mongod.uri(SERVICE).replace("://", f"://{request.param}")
    if request.param == ROOT:
        uri += "&authSource=admin"

    class Settings(ServiceSettings):
        service = SERVICE

    return Settings(mongo_uri=uri, jwt_public_key=jwt_keys.public_pem, log_format="json")


@pytest.fixture
def app(settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """A service with these indexes, which has little patience with MongoDB."""
    monkeypatch.setattr(mongo, "ANSWER_MS", 300)
    monkeypatch.setattr(indexes, "REPORT_SECONDS", 0.5)
    monkeypatch.setattr(startup, "OPERATOR_SECONDS", 0.2)
    return create_service(settings, repository=Stock)


async def becomes(client: AsyncClient, status: int, *words: str) -> None:
    """Wait until the probe says so, with all these words as the reason."""

    async def so() -> bool:
        answer = await client.get("/readyz")
        said = answer.json()["reasons"].get("mongodb", "")
        return answer.status_code == status and all(word in said for word in words)

    await eventually(so, f"{status} {words}")


@contextmanager
def standing_still(root: MongoClient[Document]) -> Iterator[None]:
    """No build of an index gets anywhere within this block."""
    root.admin.command({"configureFailPoint": SLOW, "mode": "alwaysOn"})
    yield
    root.admin.command({"configureFailPoint": SLOW, "mode": "off"})


def known(root: MongoClient[Document]) -> Document:
    """The indexes that there are."""
    return dict(root[SERVICE].tallies.index_information())


@pytest.mark.parametrize(
    ("settings", "progress"), [(USER, "s"), (ROOT, "s Index Build")], indirect=["settings"]
)
async def test_a_slow_build_is_waited_for_and_reported(
    app: FastAPI, root: MongoClient[Document], progress: str
) -> None:
    async with starting(app) as client:
        with standing_still(root):
            await becomes(client, 503, "building index email_1 of tallies for 2 ", progress)
            alive, accepting, asked = [
                await client.get(path) for path in ("/livez", "/acceptz", PATH)
            ]
            assert (alive.status_code, accepting.status_code) == (200, 503)
            assert (asked.status_code, asked.headers["Retry-After"]) == (503, "1")
        await becomes(client, 200)
        assert (await client.get("/acceptz")).status_code == 200
        assert (await client.get(PATH)).status_code == 404
    assert known(root).keys() == {"_id_", "email_1", "doneAt_1", "owner_1"}


async def test_replicas_and_people_do_not_disturb_each_other(
    app: FastAPI, settings: ServiceSettings, root: MongoClient[Document]
) -> None:
    other = create_service(settings, repository=Stock)
    by_hand = root[SERVICE].tallies.create_index
    async with starting(app) as client, starting(other) as peer:
        with standing_still(root):
            await becomes(client, 503, "building index email_1")
            person = asyncio.create_task(asyncio.to_thread(by_hand, "email", unique=True))
            await becomes(peer, 503, "building index email_1 of tallies for 2 s")
        assert await person == "email_1"
        await becomes(client, 200)
        await becomes(peer, 200)


SERVED = """
import sys, uvicorn
from common.service import create_service
from common.settings import ServiceSettings
from devstack.counter_service import Tallies

class Settings(ServiceSettings):
    service = "tallies"

uvicorn.run(create_service(Settings.load(), repository=Tallies), port=int(sys.argv[1]))
"""


@pytest.mark.parametrize("ask", [Process.terminate, Process.interrupt])
async def test_a_stop_does_not_wait_for_a_build(
    settings: ServiceSettings,
    root: MongoClient[Document],
    processes: Processes,
    tmp_path: Path,
    ask: Callable[[Process], None],
) -> None:
    port = free_port()
    command = (sys.executable, "-c", SERVED, str(port))
    variables = {"MONGO_URI": settings.mongo_uri, "JWT_PUBLIC_KEY": settings.jwt_public_key}
    program = Program("tallies", command, tmp_path / "log", answers_ok(port, "/livez"), variables)
    with standing_still(root), processes.running(Process(program)) as process:
        async with AsyncClient(base_url=http_url(port)) as client:
            await becomes(client, 503, "building index outboxSince_1")
        ask(process)

        async def has_ended() -> bool:
            return not process.is_running

        await eventually(has_ended)
    assert process.exit_code == 0


@pytest.mark.parametrize("settings", [USER, ROOT], indirect=True)
@pytest.mark.parametrize("theirs", [{"expireAfterSeconds": 7}, {}])
async def test_an_expiry_that_was_changed_is_set_back(
    app: FastAPI, root: MongoClient[Document], theirs: Document
) -> None:
    root[SERVICE].tallies.create_index(FORGOTTEN, **theirs)
    async with starting(app) as client:
        await becomes(client, 200)
    assert known(root)["doneAt_1"]["expireAfterSeconds"] == 3600


@pytest.mark.parametrize(
    ("field", "theirs"),
    [
        ("email", {}),
        ("email", {"unique": True, "partialFilterExpression": {"isSilent": True}}),
        ("owner", {"sparse": True}),
        ("owner", {"expireAfterSeconds": 60}),
        ("else", {"name": "owner_1"}),
    ],
)
async def test_another_index_is_told_of_and_waited_for(
    app: FastAPI,
    root: MongoClient[Document],
    caplog: pytest.LogCaptureFixture,
    field: str,
    theirs: Document,
) -> None:
    name = root[SERVICE].tallies.create_index(field, **theirs)
    async with starting(app) as client:
        shown = str({"name": name, "key": {field: 1}, **theirs})
        await becomes(client, 503, f"an index of tallies is in the way: there is {shown}")
        root[SERVICE].tallies.drop_index(name)
        said = [record.message for record in caplog.records if record.levelname == "ERROR"]
        assert shown in said[0]
        await becomes(client, 200)
    assert {"email_1", "owner_1"} < known(root).keys()


@pytest.mark.parametrize(
    ("field", "theirs"),
    [("email", {"unique": True, "name": "by hand"}), ("owner", {}), ("owner", {"name": "mine"})],
)
async def test_an_index_that_does_as_well_is_used(
    app: FastAPI, root: MongoClient[Document], field: str, theirs: Document
) -> None:
    root[SERVICE].tallies.create_index(field, **theirs)
    before = known(root)
    async with starting(app) as client:
        await becomes(client, 200)
    assert before.items() <= known(root).items()


async def test_duplicates_of_a_unique_index_are_reported_without_values(
    app: FastAPI, root: MongoClient[Document]
) -> None:
    double = root[SERVICE].tallies.insert_one({"email": "1@ticketing.test"})
    async with starting(app) as client:
        await becomes(client, 503, "index email_1", "documents have the same email")
        assert "ticketing.test" not in (await client.get("/readyz")).text
        root[SERVICE].tallies.delete_one({"_id": double.inserted_id})
        await becomes(client, 200)


def test_an_index_has_the_name_of_the_driver() -> None:
    assert Index([("ticket.id", 1), ("_id", -1)]).name == "ticket.id_1__id_-1"
