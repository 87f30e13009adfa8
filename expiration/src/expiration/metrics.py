"""Metrics of the expiration service."""

from datetime import datetime
from typing import Protocol

from common import clock
from common.gauges import GaugeSource, Samples
from common.metrics import Gauge, histogram

LATENESS = histogram(
    "timer_lateness_seconds",
    "Time from the due time of a timer until its event was stored in the stream",
    buckets=(0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
SCHEDULED = Gauge("timers_scheduled", "Scheduled timers that have not fired")
OVERDUE = Gauge("timers_overdue", "Timers overdue by more than 5 s")


class Timers(Protocol):
    """The part of the repository that the gauges read."""

    async def count_pending(self, now: datetime) -> tuple[int, int]:
        """How many timers are scheduled, and how many of them are overdue."""


def timer_gauges(timers: Timers) -> GaugeSource:
    """The number of scheduled and of overdue timers."""

    async def collect() -> Samples:
        scheduled, overdue = await timers.count_pending(clock.now())
        return {SCHEDULED: scheduled, OVERDUE: overdue}

    return GaugeSource("mongodb", (SCHEDULED, OVERDUE), collect)
