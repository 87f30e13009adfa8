"""Metrics of the orders service."""

from datetime import datetime, timedelta
from typing import Protocol

from common import clock
from common.gauges import GaugeSource, Samples
from common.metrics import Gauge

OVERDUE_AFTER = timedelta(minutes=1)
"""So long after its expiry an order should have been cancelled, even after a crash."""

OVERDUE = Gauge("orders_overdue", "Open orders more than a minute past their expiry")


class Orders(Protocol):
    """The part of the repository that the gauges read."""

    async def count_overdue(self, before: datetime) -> int:
        """The number of open orders that expired before this time."""


def order_gauges(orders: Orders) -> GaugeSource:
    """The number of overdue orders."""

    async def collect() -> Samples:
        return {OVERDUE: await orders.count_overdue(clock.now() - OVERDUE_AFTER)}

    return GaugeSource("mongodb", (OVERDUE,), collect)
