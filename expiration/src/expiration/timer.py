"""Announces what is due, as soon as it is."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial

from common import clock
from common.aggregate_store import OutboxEntry
from common.contracts.events import ExpirationComplete
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.envelope import send
from common.tasks import for_each_concurrently
from expiration.metrics import LATENESS
from expiration.repository import BATCH, Due, TimerRepository

LOOK_SECONDS = 0.5
"""How often to look for timers that were set meanwhile, or whose claimer has died."""

APART_SECONDS = 0.02
AGAIN_SECONDS = 0.5
"""When to look for a server that is away."""

BATCHES_AT_ONCE = 2

log = logging.getLogger(__name__)


async def run_timer(timers: TimerRepository, bus: Bus) -> None:
    """Sleep until the next timer is due, but never long."""
    while True:
        try:
            pause = await _work(timers, bus) if bus.is_connected else AGAIN_SECONDS
        except Unavailable as error:
            log.warning("timers wait", extra={"error": str(error)})
            pause = AGAIN_SECONDS
        await asyncio.sleep(pause + random.uniform(0, APART_SECONDS))  # noqa: S311 - replicas apart


async def _work(timers: TimerRepository, bus: Bus) -> float:
    """Fire when something is due; how many seconds to sleep then."""
    now = clock.now()
    due = await timers.next_due(now)
    if due is None:
        return LOOK_SECONDS
    if due <= now:
        await fire_due(timers, bus)
        return 0
    return min(LOOK_SECONDS, (due - now).total_seconds())


async def fire_due(timers: TimerRepository, bus: Bus) -> None:
    """Claim batch by batch, and announce one while the next is claimed.

    What the bus does not acknowledge is claimed again when its lease is over.
    """
    await for_each_concurrently(_claims(timers, bus), partial(_fire, timers, bus), BATCHES_AT_ONCE)


async def _claims(timers: TimerRepository, bus: Bus) -> AsyncIterator[Mapping[str, Due]]:
    is_more = True
    while is_more:
        claimed = await _claim(timers)
        yield claimed
        is_more = len(claimed) == BATCH and bus.is_connected


async def _claim(timers: TimerRepository) -> dict[str, Due]:
    """A failure must not end what is being announced."""
    try:
        return await timers.claim_due(clock.now())
    except Unavailable as error:
        log.warning("timers wait", extra={"error": str(error)})
        return {}


async def _fire(timers: TimerRepository, bus: Bus, claimed: Mapping[str, Due]) -> None:
    announced = await asyncio.gather(*(_announce(*each, bus) for each in claimed.items()))
    fired = [order_id for order_id, ok in zip(claimed, announced, strict=True) if ok]
    try:
        await timers.fired(fired)
    except Unavailable as error:
        log.warning("timers fire again", extra={"error": str(error)})


async def _announce(order_id: str, due: Due, bus: Bus) -> bool:
    entry = replace(
        OutboxEntry.of(ExpirationComplete(order_id=order_id), version=due.repeats),
        traceparent=due.traceparent,
    )
    try:
        await send(bus, entry, "expiration")
    except Unavailable:
        return False
    LATENESS.observe((clock.now() - due.fire_at).total_seconds())
    return True
