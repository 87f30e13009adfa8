"""A service alone with its servers, as the launcher starts it: what figures of one are taken on."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles

from pymongo import MongoClient

from bench.processes import cpu_ms
from common.aggregate_store import OutboxEntry
from common.contracts.events import Event
from common.messaging.bus import Bus
from common.messaging.cloudevents import encode_headers
from common.mongo import Document
from devstack import keys, processes
from devstack.jetstream import consumer_state
from devstack.plan import Plan, choose_ports
from devstack.process import Process

CONCURRENCY = 500
TIMEOUT_SECONDS = 60.0


class WorkNotDone(Exception):
    """What was measured is not what should have been done."""


class Alone:
    """Replicas of one service, its servers, and a voice on the bus."""

    def __init__(self, plan: Plan, service: str) -> None:
        self.service, self.plan = service, plan
        self.databases = processes.databases(plan)
        self.topology = processes.topology(plan)
        self.replicas = processes.replicas(plan, service)
        self.bus = Bus(plan.nats_url, service="bench")

    async def start(self) -> None:
        """Run all replicas and wait until they are ready."""
        for replica in self.replicas:
            replica.spawn()
        for replica in self.replicas:
            await until(partial(asyncio.to_thread, replica.is_ready))

    def stop(self) -> None:
        """End all replicas."""
        for replica in self.replicas:
            replica.interrupt()
        for replica in self.replicas:
            replica.stop()

    def cpu_seconds(self) -> float:
        """How long all replicas together have computed since they were started."""
        return cpu_ms(*(replica.pid for replica in self.replicas)) / 1000

    async def publish(self, events: Sequence[Event]) -> None:
        """Put events into the stream, in this order."""
        for begin in range(0, len(events), CONCURRENCY):
            await asyncio.gather(*map(self._publish, events[begin : begin + CONCURRENCY]))

    async def _publish(self, event: Event) -> None:
        entry = OutboxEntry.of(event, getattr(event, "version", 0))
        headers = encode_headers(entry, "bench")
        await self.bus.publish(event.subject, entry.body.encode(), headers)

    async def left(self) -> int:
        """How many events are not acknowledged yet."""
        members = self.plan.ports.members
        port = members.nats[0].own if members else self.plan.ports.nats
        backlog = await asyncio.to_thread(consumer_state, port, self.service)
        return backlog.num_pending + backlog.num_ack_pending if backlog else 0

    async def wait_all_acked(self) -> None:
        """Wait until everything said is acknowledged."""

        async def done() -> bool:
            return not await self.left()

        await until(done)

    def count(self, collection: str, query: Document) -> int:
        """How many documents of the service match."""
        with self._mongo() as client:
            return client[self.service][collection].count_documents(query)

    def commands(self) -> int:
        """How many commands MongoDB has been given that read or write."""
        given = self.status()["metrics"]["commands"]
        return sum(given[name]["total"] for name in ("find", "getMore", "insert", "update"))

    def status(self) -> Document:
        """What MongoDB's primary has counted since it was started."""
        with self._mongo() as client:
            return client.admin.command("serverStatus")

    def _mongo(self) -> MongoClient[Document]:
        return MongoClient(self.plan.mongo_uri(self.service))

    def check(self, collection: str, query: Document, count: int) -> None:
        """A figure counts only when the work was done: so many documents are as they should be."""
        found = self.count(collection, query)
        if found != count:
            raise WorkNotDone(f"{found} of {count} {collection} are {query}")

    async def end(self) -> None:
        """Leave nothing behind."""
        await self.bus.close()
        for process in (*self.replicas, self.topology, *self.databases):
            process.kill()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds, but not for ever."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - what happens is in another process
            await asyncio.sleep(0.05)


@asynccontextmanager
async def alone(service: str, replicas: int = 1, members: int = 1) -> AsyncIterator[Alone]:
    """For as long as the block; the service is not started yet, its servers have `members`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, ports = Path(name), choose_ports(0, {service: replicas}, members)
        there = Alone(Plan(folder, ports, keys.load_or_create(folder)), service)
        try:
            await run([*there.databases, there.topology])
            await there.bus.connect()
            yield there
        finally:
            await there.end()


async def run(servers: Sequence[Process]) -> None:
    """Start servers and wait until they are ready."""
    for server in servers:
        server.spawn()
    for server in servers:
        await until(partial(asyncio.to_thread, server.is_ready))


def percentile(values: Sequence[float], percent: int) -> float:
    """What so many per cent of the values stay below."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
