"""The timer worker: publishes an expiration as soon as its timer is due."""

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
from common.messaging.cloudevents import publish
from common.tasks import for_each_concurrently
from expiration.metrics import LATENESS
from expiration.repository import BATCH, DueTimer, TimerRepository

POLL_SECONDS = 0.5
"""How often to poll for timers that another replica has scheduled, or whose lease has ended."""

JITTER_SECONDS = 0.02
RETRY_SECONDS = 0.5
"""The pause before a retry while a server is unavailable."""

MAX_CONCURRENT_BATCHES = 2

log = logging.getLogger(__name__)


async def run_timer(timers: TimerRepository, bus: Bus) -> None:
    """Sleep until the next timer is due, at most `POLL_SECONDS`."""
    while True:
        try:
            pause = await _tick(timers, bus) if bus.is_connected else RETRY_SECONDS
        except Unavailable as error:
            log.warning("due timers cannot be claimed", extra={"error": str(error)})
            pause = RETRY_SECONDS
        await asyncio.sleep(pause + random.uniform(0, JITTER_SECONDS))  # noqa: S311 - replicas apart


async def _tick(timers: TimerRepository, bus: Bus) -> float:
    """Fire what is due; returns how many seconds to sleep afterwards."""
    now = clock.now()
    due = await timers.next_due(now)
    if due is None:
        return POLL_SECONDS
    if due <= now:
        await fire_due(timers, bus)
        return 0
    return min(POLL_SECONDS, (due - now).total_seconds())


async def fire_due(timers: TimerRepository, bus: Bus) -> None:
    """Claim batch by batch, and publish one batch while the next is claimed.

    What the bus does not acknowledge is claimed again after its lease has ended.
    """
    await for_each_concurrently(
        _claims(timers, bus), partial(_fire, timers, bus), MAX_CONCURRENT_BATCHES
    )


async def _claims(timers: TimerRepository, bus: Bus) -> AsyncIterator[Mapping[str, DueTimer]]:
    is_more = True
    while is_more:
        claimed = await _claim(timers)
        yield claimed
        is_more = len(claimed) == BATCH and bus.is_connected


async def _claim(timers: TimerRepository) -> dict[str, DueTimer]:
    """A batch, or none when the database fails: that must not cancel the batch in flight."""
    try:
        return await timers.claim_due(clock.now())
    except Unavailable as error:
        log.warning("due timers cannot be claimed", extra={"error": str(error)})
        return {}


async def _fire(timers: TimerRepository, bus: Bus, claimed: Mapping[str, DueTimer]) -> None:
    published = await asyncio.gather(*(_publish(*each, bus) for each in claimed.items()))
    fired = [order_id for order_id, ok in zip(claimed, published, strict=True) if ok]
    try:
        await timers.mark_fired(fired)
    except Unavailable as error:
        log.warning(
            "timers cannot be marked as fired: they will fire again", extra={"error": str(error)}
        )


async def _publish(order_id: str, due: DueTimer, bus: Bus) -> bool:
    entry = replace(
        OutboxEntry.of(ExpirationComplete(order_id=order_id), version=due.repeats),
        traceparent=due.traceparent,
    )
    try:
        await publish(bus, entry, "expiration")
    except Unavailable:
        return False
    LATENESS.observe((clock.now() - due.fire_at).total_seconds())
    return True
