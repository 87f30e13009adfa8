"""One process of a service is asked to end, with work in hand and servers that do not answer."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from httpx import AsyncClient, Response, TransportError

from common.contracts.events import OrderCreated
from common.shutdown import CLOSING_SECONDS
from devstack import processes
from devstack.event_source import open_event_source
from devstack.freezing import frozen
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import Plan, choose_ports, http_url
from devstack.process import Process
from devstack.servers import MongoServer, NatsServer
from devstack.testing import BusPeer, Session, SignIn, eventually
from devstack.ticket_history import TicketHistory
from orders.settings import Settings

WITHIN_SECONDS = 10
"""What we promise."""

MakeReplica = Callable[..., Process]


@pytest.fixture
def make_replica(
    tmp_path: Path, mongod: MongoServer, nats_server: NatsServer, jwt_keys: KeyPair
) -> Iterator[MakeReplica]:
    """Makes the orders service as the launcher would."""
    ports = replace(choose_ports(0, {}), mongod=mongod.port, nats=nats_server.port)
    plan = Plan(tmp_path, ports, StackSecrets(jwt_keys, "secret"))
    mongod.ensure_running()
    made: list[Process] = []

    def make(**variables: str) -> Process:
        program = processes.replicas(plan, "orders")[0].program
        made.append(Process(replace(program, variables={**program.variables, **variables})))
        return made[-1]

    yield make
    for process in made:
        process.kill()
    mongod.drop("orders")


@pytest.fixture
def buyer(sign_in: SignIn) -> Session:
    """Somebody who buys."""
    return sign_in()


@pytest.fixture
def replica(peer: BusPeer, make_replica: MakeReplica) -> Process:  # noqa: ARG001 - first
    """The orders service, ready."""
    process = make_replica()
    process.start()
    return process


@pytest.fixture
async def client(replica: Process) -> AsyncIterator[AsyncClient]:
    """A browser right before the process."""
    async with AsyncClient(base_url=address(replica), timeout=15) as client:
        yield client


def address(process: Process) -> str:
    """Where it listens."""
    command = process.program.command
    return http_url(int(command[command.index("--port") + 1]))


async def exit_code(process: Process) -> int | None:
    """How it ended; without the budget of a stop, what hangs in these tests would hang for ever."""

    async def ended() -> bool:
        return not process.is_running

    await eventually(ended)
    return process.exit_code


def test_shutdown_budget_is_documented() -> None:
    lame_duck: float = Settings.model_fields["lame_duck_seconds"].default
    assert lame_duck + CLOSING_SECONDS < WITHIN_SECONDS


async def status(client: AsyncClient, path: str) -> int:
    """What a probe sees; 0 when nobody listens."""
    try:
        return (await client.get(path)).status_code
    except TransportError:
        return 0


async def wait_for_status(client: AsyncClient, path: str, expected: int) -> None:
    """Wait until a probe sees this."""

    async def there() -> bool:
        return await status(client, path) == expected

    await eventually(there, f"{path} is {expected}")


async def test_draining_replica_is_unready_and_still_serves(
    replica: Process, client: AsyncClient, buyer: Session
) -> None:
    assert await status(client, "/acceptz") == 200
    replica.terminate()
    await wait_for_status(client, "/acceptz", 503)
    async with AsyncClient(base_url=str(client.base_url)) as newcomer:
        assert await status(newcomer, "/livez") == 200
        try:
            orders = await newcomer.get("/api/orders", headers=buyer.headers)
            readiness = await newcomer.get("/readyz")
        except TransportError as error:
            pytest.fail(f"it does not serve any more: {error}")
    assert (readiness.status_code, readiness.json()["checks"]["accepting"]) == (503, False)
    assert (orders.status_code, orders.json()) == (200, [])
    assert await exit_code(replica) == 0


async def test_a_request_that_has_begun_is_finished(
    replica: Process, client: AsyncClient, mongod: MongoServer, buyer: Session
) -> None:
    sent = asyncio.Event()

    async def trace(event: str, _: object) -> None:
        if event == "http11.send_request_body.complete":
            sent.set()

    with frozen(mongod.pid):
        asked = client.get("/api/orders", headers=buyer.headers, extensions={"trace": trace})
        request = asyncio.create_task(asked)
        await sent.wait()
        assert await status(client, "/livez") == 200  # so the one sent before it has arrived
        replica.terminate()
        async with AsyncClient(base_url=str(client.base_url)) as newcomer:
            await wait_for_status(newcomer, "/livez", 0)
        assert not request.done()
    assert (await request).status_code == 200
    assert await exit_code(replica) == 0


async def test_shutdown_is_bounded_while_mongodb_hangs(
    replica: Process, client: AsyncClient, mongod: MongoServer, peer: BusPeer, buyer: Session
) -> None:
    ticket, requests = TicketHistory(), list[asyncio.Task[Response]]()

    async def keep_busy() -> None:
        while replica.is_running:  # a cancellation could get lost between us and the bus
            requests.append(asyncio.create_task(client.get("/api/orders", headers=buyer.headers)))
            await peer.publish(TicketHistory().event(0))
            await asyncio.sleep(0.2)

    with frozen(mongod.pid):
        await peer.publish(ticket.event(0))
        busy = asyncio.create_task(keep_busy())
        await peer.wait_ack_pending("orders", 3)
        replica.terminate()
        code = await exit_code(replica)
    assert code == 0
    await busy
    await asyncio.gather(*requests, return_exceptions=True)
    replica.start()
    await peer.wait_acked_by("orders")
    ordered = await client.post("/api/orders", json={"ticketId": ticket.id}, headers=buyer.headers)
    assert ordered.status_code == 201


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_silent_database_needs_no_goodbye(
    replica: Process, client: AsyncClient, mongod: MongoServer, number: signal.Signals
) -> None:
    assert await status(client, "/readyz") == 200
    with frozen(mongod.pid):
        os.kill(replica.pid, number)
        assert await exit_code(replica) == 0


HANGING = """
import asyncio, sys, time, uvicorn
from common.service import create_service
from orders.repository import OrderRepository
from orders.settings import Settings

async def hang(_repository, _bus):
    await asyncio.to_thread(time.sleep, 3600)

app = create_service(Settings.load(), repository=OrderRepository, workers=[hang])
uvicorn.run(app, port=int(sys.argv[1]))
"""


async def test_shutdown_is_bounded_whatever_hangs(
    peer: BusPeer,  # noqa: ARG001 - it is there first
    make_replica: MakeReplica,
) -> None:
    program = make_replica(LAME_DUCK_SECONDS="0").program
    port = program.command[program.command.index("--port") + 1]
    process = Process(replace(program, command=(sys.executable, "-c", HANGING, port)))
    process.start()
    process.terminate()
    assert await exit_code(process) == 0


async def test_shutdown_is_bounded_while_nats_hangs(
    replica: Process,
    client: AsyncClient,
    nats_server: NatsServer,
    peer: BusPeer,
    buyer: Session,
) -> None:
    tickets = [TicketHistory() for _ in range(3)]
    for ticket in tickets:
        await peer.publish(ticket.event(0))
    await peer.wait_acked_by("orders")
    with frozen(nats_server.pid):
        for ticket in tickets:
            body = {"ticketId": ticket.id}
            ordered = await client.post("/api/orders", json=body, headers=buyer.headers)
            assert ordered.status_code == 201
        replica.terminate()
        code = await exit_code(replica)
    assert code == 0
    replica.start()
    heard = await peer.wait_for(OrderCreated, 3)
    assert {event.ticket.id for event in heard} == {ticket.id for ticket in tickets}


@pytest.mark.parametrize("signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]])
async def test_urgent_signals_skip_the_drain(
    peer: BusPeer,  # noqa: ARG001 - it is there first
    make_replica: MakeReplica,
    signals: list[signal.Signals],
) -> None:
    replica = make_replica(LAME_DUCK_SECONDS="3600")
    replica.start()
    async with AsyncClient(base_url=address(replica)) as client:
        *others, last = signals
        for number in others:
            os.kill(replica.pid, number)
            await wait_for_status(client, "/acceptz", 503)
        os.kill(replica.pid, last)
    assert await exit_code(replica) == 0


async def test_startup_without_mongodb_stops_at_once(
    make_replica: MakeReplica, mongod: MongoServer
) -> None:
    replica = make_replica(LAME_DUCK_SECONDS="3600")

    async def waits() -> bool:
        return "waiting for MongoDB" in replica.last_lines()

    with frozen(mongod.pid):
        replica.spawn()
        await eventually(waits)
        replica.terminate()
        code = await exit_code(replica)
    assert code == 0


OLD_KEEP_ALIVE_SECONDS = 5
"""How long uvicorn keeps a connection that nobody uses, unless it is told otherwise."""


async def test_keep_alive_is_long_and_never_delays_shutdown(
    peer: BusPeer,  # noqa: ARG001 - it is there first
    make_replica: MakeReplica,
) -> None:
    replica = make_replica(LAME_DUCK_SECONDS="0")
    replica.start()
    reader, writer = await asyncio.open_connection(*urlsplit(address(replica)).netloc.split(":"))
    for pause in (OLD_KEEP_ALIVE_SECONDS + 1, 0):
        writer.write(b"POST /api/orders HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401")
        await reader.readuntil(b"}]}")
        await asyncio.sleep(pause)
    replica.terminate()
    assert await reader.read() == b""
    assert await exit_code(replica) == 0
    assert "graceful shutdown exceeded" not in replica.program.log.read_text()
    writer.close()


@pytest.mark.parametrize("ask", [Process.terminate, Process.interrupt])
async def test_shutdown_ends_event_stream_cleanly(
    replica: Process,
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    ask: Callable[[Process], None],
) -> None:
    ticket = TicketHistory()
    await peer.publish(ticket.event(0))
    placed = await client.post("/api/orders", json={"ticketId": ticket.id}, headers=buyer.headers)
    path = f"/api/orders/{placed.json()['id']}/events"
    async with open_event_source(client, path, headers=buyer.headers) as source:
        await source.wait_for(1)
        ask(replica)
        await source.wait_closed()
    assert await exit_code(replica) == 0
    assert "graceful shutdown exceeded" not in replica.program.log.read_text()
