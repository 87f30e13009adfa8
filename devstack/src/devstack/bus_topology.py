"""The topology of the bus for tests: that of the services, and consumers for tests."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from common.contracts.subjects import Subject
from common.contracts.subscriptions import SUBSCRIPTIONS
from common.messaging.changes import Scope
from common.messaging.connection import Connection
from common.messaging.topology import Topology
from common.topology import declare, keep

TEST_SUBSCRIPTIONS: Final[Mapping[str, frozenset[Subject]]] = {
    **SUBSCRIPTIONS,
    "peer": frozenset(Subject),
    "tallies": frozenset({Subject.TICKET_UPDATED}),
}
TOPOLOGY: Final = Topology.of(1, TEST_SUBSCRIPTIONS)


def with_ack_wait(ack_wait_seconds: float) -> Topology:
    """The topology with another acknowledgement timeout before a redelivery."""
    consumers = tuple(each.evolve(ack_wait=ack_wait_seconds) for each in TOPOLOGY.consumers)
    return replace(TOPOLOGY, consumers=consumers)


def declare_now(url: str, wanted: Topology = TOPOLOGY) -> None:
    """Declare the topology synchronously, for fixtures without an event loop."""
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, _declare(url, wanted)).result()


async def _declare(url: str, wanted: Topology) -> None:
    async with connected(url) as connection:
        await declare(connection, wanted, Scope.EXACT)


@asynccontextmanager
async def keep_topology(url: str, wanted: Topology = TOPOLOGY) -> AsyncIterator[None]:
    """Keep the topology as `python -m common.topology keep` does, during the block."""
    async with connected(url) as connection:
        keeper = asyncio.create_task(keep(connection, wanted))
        try:
            yield
        finally:
            keeper.cancel()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection for the duration of the block."""
    connection = Connection(url, "topology")
    connection.start()
    try:
        await connection.was_connected.wait()
        yield connection
    finally:
        await connection.close()
