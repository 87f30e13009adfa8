"""Says orders again that are open past their end: whoever was to end them has missed something."""

import asyncio
import logging
import random

from common import clock
from common.aggregates import Announcement
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.envelope import send
from orders.domain import Order
from orders.metrics import OVERDUE_AFTER
from orders.repository import OrderRepository

LOOK_SECONDS = 15.0
PAGE = 100

log = logging.getLogger(__name__)
rarely = RateLimitedLog(log)


async def run_reconciler(orders: OrderRepository, bus: Bus) -> None:
    """Look now and then, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - replicas apart
        try:
            if bus.is_connected:
                await say_overdue(orders, bus)
        except Unavailable as error:
            rarely.warning("orders past their end wait", error=str(error))


async def say_overdue(orders: OrderRepository, bus: Bus) -> None:
    """Once more the state of those that nobody ends, although all that was said is heard.

    It sets their timers again, and every copy right. Raises Unavailable.
    """
    overdue = await orders.overdue(clock.now() - OVERDUE_AFTER, PAGE)
    if not overdue or not await _is_heard(bus):
        return
    log.warning("orders are open past their end: said again", extra={"count": len(overdue)})
    await asyncio.gather(*(_say(order, bus) for order in overdue))


async def _is_heard(bus: Bus) -> bool:
    """Whether neither the timers nor this service have anything before them."""
    backlogs = [await bus.streams.backlog_of(service) for service in ("expiration", "orders")]
    return not any(map(any, backlogs))


async def _say(order: Order, bus: Bus) -> None:
    snapshot = Announcement.of(order.snapshot, order.version)
    turn = int(clock.seconds() / LOOK_SECONDS)  # replicas that look at the same time say one thing
    await send(bus, snapshot, "orders", again=f"overdue:{turn}")
