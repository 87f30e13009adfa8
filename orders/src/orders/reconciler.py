"""The reconciler: publishes snapshots of overdue orders, whose expiration events were lost."""

import asyncio
import logging
import random

from common import clock
from common.aggregate_store import OutboxEntry
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.cloudevents import publish
from orders.domain import Order
from orders.metrics import OVERDUE_AFTER
from orders.repository import OrderRepository

POLL_SECONDS = 15.0
BATCH_SIZE = 100

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


async def run_reconciler(orders: OrderRepository, bus: Bus) -> None:
    """Poll until cancelled."""
    while True:
        await asyncio.sleep(POLL_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - replicas apart
        try:
            if bus.is_connected:
                await republish_overdue(orders, bus)
        except Unavailable as error:
            rate_limited.warning("overdue orders cannot be checked", error=str(error))


async def republish_overdue(orders: OrderRepository, bus: Bus) -> None:
    """Publish snapshots of overdue orders, if no event is pending that could end them.

    A snapshot sets the timer again and repairs every replica. Raises Unavailable.
    """
    overdue = await orders.overdue(clock.now() - OVERDUE_AFTER, BATCH_SIZE)
    if not overdue or not await _is_caught_up(bus):
        return
    log.warning("overdue orders: snapshots published again", extra={"count": len(overdue)})
    await asyncio.gather(*(_publish_snapshot(order, bus) for order in overdue))


async def _is_caught_up(bus: Bus) -> bool:
    """Whether the consumers of expiration and orders have no lag."""
    backlogs = [await bus.streams.lag(service) for service in ("expiration", "orders")]
    return not any(map(any, backlogs))


async def _publish_snapshot(order: Order, bus: Bus) -> None:
    snapshot = OutboxEntry.of(order.snapshot, order.version)
    round_number = int(clock.seconds() / POLL_SECONDS)  # replicas publish one message together
    await publish(bus, snapshot, "orders", dedup_suffix=f"overdue:{round_number}")
