"""A service with few files: event streams are refused before anything else lacks one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from httpx import AsyncClient, Limits, Response

from common.open_files import RESERVED
from devstack import processes
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import Plan, choose_ports, http_url
from devstack.process import Process
from devstack.servers import MongoServer, NatsServer

STREAMS = 40
SOFT, HARD = 64, RESERVED + STREAMS
"""A soft limit with which hardly anything could be done, and a hard one."""

LIMITED = 'ulimit -Sn "$1" && ulimit -Hn "$2" && shift 2 && exec "$@"'
EVENTS = "/api/tickets/events"


@pytest.fixture
def replica(
    tmp_path: Path,
    mongod: MongoServer,
    nats_server: NatsServer,
    nats_url: str,  # noqa: ARG001 - it is empty first
    jwt_keys: KeyPair,
) -> Iterator[Process]:
    """The tickets service, with few files."""
    ports = replace(choose_ports(0, {}), mongod=mongod.port, nats=nats_server.port)
    mongod.ensure_running()
    plan = Plan(tmp_path, ports, StackSecrets(jwt_keys, "secret"))
    [whole] = processes.replicas(plan, "tickets")
    limits = ("/bin/sh", "-c", LIMITED, "sh", str(SOFT), str(HARD))
    process = Process(replace(whole.program, command=(*limits, *whole.program.command)))
    process.start()
    yield process
    process.kill()
    mongod.drop("tickets")


@pytest.fixture
async def client(replica: Process) -> AsyncIterator[AsyncClient]:
    """Many browsers before the process."""
    command = replica.program.command
    url = http_url(int(command[command.index("--port") + 1]))
    async with AsyncClient(base_url=url, timeout=30, limits=Limits(max_connections=None)) as client:
        yield client


async def test_event_streams_are_refused_before_requests_lack_files(
    replica: Process, client: AsyncClient
) -> None:
    async with AsyncExitStack() as opened:

        async def follow() -> Response:
            return await opened.enter_async_context(client.stream("GET", EVENTS))

        answers = await asyncio.gather(*(follow() for _ in range(2 * STREAMS)))
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(503)) == (STREAMS, STREAMS)
        asked = await asyncio.gather(*(client.get("/api/tickets") for _ in range(2 * STREAMS)))
        assert {answer.status_code for answer in asked} == {200}
        assert (await client.get("/readyz")).status_code == 200
    assert f"event streams can be open limit={STREAMS} " in replica.program.log.read_text()


async def test_service_raises_its_open_file_limit(client: AsyncClient) -> None:
    page = (await client.get("/metrics")).text
    assert f"\nprocess_max_fds {float(HARD)}\n" in page
