"""The eventing runtime: starts and stops bus, listeners, outbox and workers in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from common.messaging.bus import Bus
from common.messaging.outbox import Outbox
from common.shutdown import HANDLERS_SECONDS, OUTBOX_SECONDS
from common.tasks import TaskSupervisor


class Listener(Protocol):
    """Receives something from the bus."""

    async def start(self) -> None:
        """Subscribe; called again after each connection. Raises Unavailable."""

    async def stop(self, seconds: float) -> None:
        """Unsubscribe, and finish what was begun within so many seconds."""


@asynccontextmanager
async def eventing_runtime(
    bus: Bus,
    listeners: Sequence[Listener],
    outbox: Outbox,
    workers: Sequence[Callable[[], Awaitable[None]]],
) -> AsyncIterator[None]:
    """Run everything for the block; then drain it, and close the bus.

    It does not wait for the bus: a service starts, and serves requests, while NATS is down.
    """
    bus.on_connected += [*(each.start for each in listeners), outbox.sweep_soon]
    supervisor = TaskSupervisor()
    for work in (bus.connect, outbox.run, *workers):
        supervisor.start(work)
    try:
        yield
    finally:
        await supervisor.stop()
        await _drain(listeners, outbox)
        await bus.close()


async def _drain(listeners: Sequence[Listener], outbox: Outbox) -> None:
    await asyncio.gather(*(each.stop(HANDLERS_SECONDS) for each in listeners))
    with suppress(TimeoutError):
        async with asyncio.timeout(OUTBOX_SECONDS):
            await outbox.drain(OUTBOX_SECONDS)
