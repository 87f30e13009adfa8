"""Each service can do on the guarded bus what it has to, and nothing else."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest
from fastapi import FastAPI
from nats.aio.client import Client
from tests.deployment.certificates import certify
from tests.deployment.nats_users import (
    HANDLERS,
    NATS_CONF,
    VARIABLES,
    configured,
    needed,
    unlike_the_code,
)

import expiration.main
import expiration.settings
import orders.main
import orders.settings
import payments.main
import payments.settings
import tickets.main
import tickets.settings
from common.contracts.subscriptions import REPUBLISHING
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.streams import DEAD_LETTERS, STREAM
from common.messaging.topology import SUBJECTS, Topology
from common.settings import EventSettings
from devstack import binaries
from devstack.bus_topology import declare_now
from devstack.keys import KeyPair
from devstack.ports import LOOPBACK, free_ports
from devstack.probes import answers_ok
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.testing import eventually, running

Address = Callable[[str], str]
"""How a user reaches the bus."""

SERVICES: dict[str, tuple[type[EventSettings], Callable[[Any], FastAPI]]] = {
    "tickets": (tickets.settings.Settings, tickets.main.create_app),
    "orders": (orders.settings.Settings, orders.main.create_app),
    "expiration": (expiration.settings.Settings, expiration.main.create_app),
    "payments": (payments.settings.Settings, payments.main.create_app),
}
PROBLEM = "NATS reports a problem"
OTHER = {"tickets": "orders", "orders": "tickets", "expiration": "payments", "payments": "orders"}


@contextmanager
def nats_server(processes: Processes, folder: Path, more: str = "") -> Iterator[Address]:
    """NATS with the configuration of containers and of Kubernetes, but its data in a folder."""
    port, monitor = free_ports(2)
    here = (
        f'include "{os.path.relpath(NATS_CONF, folder)}"\njetstream {{ store_dir: "{folder}" }}\n'
    )
    (folder / "test.conf").write_text(here + more)
    command = (
        *(str(binaries.nats_server()), "--config", str(folder / "test.conf")),
        *("--addr", LOOPBACK, "--port", str(port), "--http_port", str(monitor)),
    )
    is_ready = answers_ok(monitor, "/healthz")
    server = Process(Program("nats", command, folder / "nats.log", is_ready, VARIABLES))
    with processes.running(server):
        yield lambda user: f"nats://{user}:{user}password@{LOOPBACK}:{port}"


@pytest.fixture(scope="module")
def guarded(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The one server of these tests, with the topology that the operator declares."""
    with nats_server(processes, tmp_path_factory.mktemp("guarded")) as address:
        declare_now(address("operator"), Topology.of(1))
        yield address


@asynccontextmanager
async def connected(guarded: Address, user: str) -> AsyncIterator[tuple[Client, list[str]]]:
    """A user of the bus, and what the server refused him."""
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error).lower())

    client = await nats.connect(
        guarded(user), error_cb=note, inbox_prefix=f"_INBOX_{user}", allow_reconnect=False
    )
    try:
        yield client, refused
    finally:
        await client.close()


@pytest.fixture
def app(service: str, guarded: Address, mongo_uri: str, jwt_keys: KeyPair) -> FastAPI:
    """A service, on the guarded bus as its own user."""
    shared = {
        "mongo_uri": mongo_uri,
        "nats_url": guarded(service),
        "jwt_public_key": jwt_keys.public_pem,
    }
    stripe = {
        "stripe_secret_key": "sk_test_x",
        "stripe_publishable_key": "pk_test_x",
        "stripe_webhook_secret": "whsec_xx",
    }
    settings, create_app = SERVICES[service]
    return create_app(settings.model_validate(shared | stripe))


@pytest.mark.parametrize("service", HANDLERS)
async def test_a_service_hears_and_speaks_as_its_own_user(
    guarded: Address, app: FastAPI, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(app), connected(guarded, "operator") as (operator, _):
        jetstream, bus = operator.jetstream(), app.state.bus

        async def ready() -> bool:
            return bool(bus.is_ready)

        await eventually(ready, f"{service} is on the bus")
        for subject in configured()[service].publish:
            if subject.startswith("ask."):
                with suppress(Unavailable):  # nobody is there to answer
                    await bus.requests.send(subject)
            elif not subject.startswith("$"):
                await bus.publish(subject, b"nonsense", {})
        if service in REPUBLISHING:
            assert (await operator.request(f"ask.{service}.watermark", timeout=10)).data
        # What it hears but cannot read becomes a dead letter: heard, said, acknowledged.
        before = (await jetstream.stream_info(DEAD_LETTERS)).state.messages
        await jetstream.publish(min(HANDLERS[service]), b"nonsense")

        async def given_up() -> bool:
            kept = (await jetstream.stream_info(DEAD_LETTERS)).state.messages
            backlog = await jetstream.consumer_info(STREAM, service)
            return kept > before and backlog.num_pending == backlog.num_ack_pending == 0

        await eventually(given_up, f"{service} has given up what it cannot read")
        assert None not in (await app.state.gauges.samples()).values()
    assert PROBLEM not in caplog.text


@pytest.mark.parametrize("service", HANDLERS)
async def test_a_service_is_refused_what_is_not_its_own(guarded: Address, service: str) -> None:
    other = OTHER[service]
    forbidden = [
        *(needed(other).publish - needed(service).publish),
        *(
            f"$JS.API.STREAM.{verb}.{stream}"
            for stream in SUBJECTS
            for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE")
        ),
        *(
            f"$JS.API.CONSUMER.{verb}.{STREAM}.{service}"
            for verb in ("CREATE", "DURABLE.CREATE", "DELETE")
        ),
        f"$JS.API.CONSUMER.CREATE.{STREAM}.{service}.{min(HANDLERS[service])}",
        f"$JS.API.CONSUMER.CREATE.{STREAM}",
        f"replay.{service}",
        f"_INBOX_{other}.answer",
        "$SYS.REQ.SERVER.PING",
    ]
    to_listen = [f"_INBOX_{other}.>", *HANDLERS[service], ">"]
    async with connected(guarded, service) as (client, refused):
        for subject in forbidden:
            await client.publish(subject.replace(">", "x"), b"")
        for subject in to_listen:
            await client.subscribe(subject)
        await client.flush()

        async def all_refused() -> bool:
            return len(refused) >= len(forbidden) + len(to_listen)

        await eventually(all_refused, "everything is refused")
    assert all("permissions violation" in each for each in refused)
    for subject in forbidden:
        assert any(f'to "{subject.replace(">", "x").lower()}"' in each for each in refused)


async def test_a_refusal_is_in_the_log(guarded: Address, caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus(guarded("tickets"), service="tickets")
    await bus.connect()
    publishing = asyncio.create_task(bus.publish("payment:created", b"{}", {}))

    async def in_the_log() -> bool:
        return 'permissions violation for publish to "payment:created"' in "".join(
            each.__dict__.get("error", "") for each in caplog.records
        )

    await eventually(in_the_log, "the refusal is logged")
    assert PROBLEM in caplog.text
    publishing.cancel()
    await bus.close()


@pytest.mark.parametrize(
    "who",
    [{}, {"user": "tickets", "pass": "wrong"}, {"user": "stranger", "pass": "ticketspassword"}],
)
def test_a_stranger_does_not_get_in(guarded: Address, who: dict[str, str]) -> None:
    port = urlsplit(guarded("nobody")).port
    with socket.create_connection((LOOPBACK, port or 0), 10) as wire, wire.makefile("rwb") as lines:
        lines.readline()  # what the server says of itself
        lines.write(f"CONNECT {json.dumps(who)}\r\nPING\r\n".encode())
        lines.flush()
        assert lines.readline() == b"-ERR 'Authorization Violation'\r\n"


def declare(url: str, authority: Path) -> None:
    """As a person does who declares the topology."""
    command = [sys.executable, "-m", "common.topology", "apply"]
    variables = {"NATS_URL": url, "NATS_CA_FILE": str(authority)}
    done = subprocess.run(  # noqa: S603 (the command is ours)
        command, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_a_service_trusts_only_the_authority_that_it_was_given(
    processes: Processes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certify(tmp_path)
    tls = f'tls {{ cert_file: "{tmp_path}/tls.crt", key_file: "{tmp_path}/tls.key" }}\n'
    with nats_server(processes, tmp_path, tls) as address:
        declare(address("operator"), tmp_path / "ca.crt")
        given = Bus(address("tickets"), service="tickets", ca_file=tmp_path / "ca.crt")
        await given.connect()
        await given.publish("ticket:created", b"{}", {})
        await given.close()
        other = Bus(address("tickets"), service="tickets")
        connecting = asyncio.create_task(other.connect())

        async def refused() -> bool:
            return any("CERTIFICATE_VERIFY_FAILED" in str(each.__dict__) for each in caplog.records)

        await eventually(refused, "an authority that nobody trusts is refused")
        connecting.cancel()
        await other.close()


def test_permissions_are_what_the_code_does() -> None:
    assert unlike_the_code() == []


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ('"ticket:created", "ticket:updated"', '"ticket:created"'),
        ('"payment:created", "payment:failed"', '"payment:created", "payment:failed", ">"'),
        ("CONSUMER.CREATE.ticketing.orders", "CONSUMER.CREATE.ticketing.tickets"),
        ('"_INBOX_expiration.>"', '"_INBOX.>"'),
        ("user: payments", "user: payment"),
    ],
)
def test_a_permission_too_many_or_too_few_is_found(
    tmp_path: Path, there: str, instead: str
) -> None:
    text = NATS_CONF.read_text()
    assert there in text
    (tmp_path / "nats.conf").write_text(text.replace(there, instead))
    assert unlike_the_code(tmp_path / "nats.conf") != []
