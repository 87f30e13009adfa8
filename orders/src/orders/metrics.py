"""What the orders service shows of its orders."""

from datetime import datetime, timedelta
from typing import Protocol

from common import clock
from common.measuring import Measure, Readings
from common.metrics import Gauge

OVERDUE_AFTER = timedelta(minutes=1)
"""Past its end by so much, an order should have been cancelled, even after a crash."""

OVERDUE = Gauge("orders_overdue", "Orders that are open more than a minute past their end")


class Orders(Protocol):
    """Where orders are kept."""

    async def count_overdue(self, before: datetime) -> int:
        """How many are open although they ended before that."""


def of_orders(orders: Orders) -> Measure:
    """How many nobody ends."""

    async def ask() -> Readings:
        return {OVERDUE: await orders.count_overdue(clock.now() - OVERDUE_AFTER)}

    return Measure("mongodb", (OVERDUE,), ask)
