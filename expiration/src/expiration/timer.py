"""Announces what is due, soon after it is."""

import asyncio
import logging
import random
from datetime import UTC, datetime

from common.aggregates import Announcement
from common.contracts.events import ExpirationComplete
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.envelope import headers_of
from expiration.repository import BATCH, TimerRepository

TICK_SECONDS = 0.1
AGAIN_SECONDS = 1.0

log = logging.getLogger(__name__)


async def run_timer(timers: TimerRepository, bus: Bus) -> None:
    """Look every tick, with a little jitter so that replicas do not race for the same batch."""
    while True:
        pause = TICK_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311 - replicas apart
        try:
            while bus.is_connected and await fire_due(timers, bus) == BATCH:
                pass
        except Unavailable as error:
            log.warning("timers wait", extra={"error": str(error)})
            pause = AGAIN_SECONDS
        await asyncio.sleep(pause)


async def fire_due(timers: TimerRepository, bus: Bus) -> int:
    """Claim a batch, announce it, mark what the bus acknowledged; how many were claimed.

    What was not acknowledged is claimed again when its lease is over.
    """
    claimed = await timers.claim_due(datetime.now(UTC))
    announced = await asyncio.gather(*(_announce(*each, bus) for each in claimed.items()))
    if any(announced):
        await timers.fired(order_id for order_id, ok in zip(claimed, announced, strict=True) if ok)
    return len(claimed)


async def _announce(order_id: str, repeats: int, bus: Bus) -> bool:
    announcement = Announcement.of(ExpirationComplete(order_id=order_id), version=repeats)
    try:
        await bus.publish(
            announcement.subject, announcement.body.encode(), headers_of(announcement, "expiration")
        )
    except Unavailable:
        return False
    return True
