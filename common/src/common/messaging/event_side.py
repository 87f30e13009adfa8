"""The event side of a service: bus, outbox, consumer and workers, started and stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from common.background import Background
from common.messaging.bus import Bus
from common.messaging.consumer import Consumer
from common.messaging.outbox import Outbox
from common.stopping import HANDLERS_SECONDS, OUTBOX_SECONDS


@asynccontextmanager
async def event_side(
    bus: Bus,
    consumer: Consumer | None,
    outbox: Outbox,
    workers: Sequence[Callable[[], Awaitable[None]]],
) -> AsyncIterator[None]:
    """Hear, announce and work; at the end finish what was begun, then leave the bus.

    It does not wait for the bus: a service starts, and serves requests, while NATS is down.
    """
    if consumer:
        bus.on_connected.append(consumer.start)
    bus.on_connected.append(outbox.sweep_soon)
    background = Background()
    for work in (bus.connect, outbox.run, *workers):
        background.start(work)
    try:
        yield
    finally:
        await background.stop()
        await _finish(consumer, outbox)
        await bus.close()


async def _finish(consumer: Consumer | None, outbox: Outbox) -> None:
    if consumer:
        await consumer.stop(HANDLERS_SECONDS)
    with suppress(TimeoutError):
        async with asyncio.timeout(OUTBOX_SECONDS):
            await outbox.finish(OUTBOX_SECONDS)
