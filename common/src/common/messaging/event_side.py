"""The event side of a service: bus, outbox, consumer and workers, started and stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from common.messaging.bus import Bus
from common.messaging.outbox import Outbox
from common.shutdown import HANDLERS_SECONDS, OUTBOX_SECONDS
from common.tasks import TaskSupervisor


class Hearing(Protocol):
    """What hears something on the bus."""

    async def start(self) -> None:
        """Begin; called again after each connection. Raises Unavailable."""

    async def stop(self, seconds: float) -> None:
        """Hear nothing more, and finish what was begun within so many seconds."""


@asynccontextmanager
async def event_side(
    bus: Bus,
    hearing: Sequence[Hearing],
    outbox: Outbox,
    workers: Sequence[Callable[[], Awaitable[None]]],
) -> AsyncIterator[None]:
    """Hear, announce and work; at the end finish what was begun, then leave the bus.

    It does not wait for the bus: a service starts, and serves requests, while NATS is down.
    """
    bus.on_connected += [*(each.start for each in hearing), outbox.sweep_soon]
    supervisor = TaskSupervisor()
    for work in (bus.connect, outbox.run, *workers):
        supervisor.start(work)
    try:
        yield
    finally:
        await supervisor.stop()
        await _finish(hearing, outbox)
        await bus.close()


async def _finish(hearing: Sequence[Hearing], outbox: Outbox) -> None:
    await asyncio.gather(*(each.stop(HANDLERS_SECONDS) for each in hearing))
    with suppress(TimeoutError):
        async with asyncio.timeout(OUTBOX_SECONDS):
            await outbox.finish(OUTBOX_SECONDS)
