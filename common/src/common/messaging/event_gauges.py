"""Gauges of eventing: the bus, the consumer and the outboxes of a service."""

import logging

from common import clock
from common.gauges import GaugeSource, Samples
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import PREFIX
from common.messaging.event_feed import EventFeed
from common.messaging.outbox import Outbox
from common.messaging.streams import DEAD_LETTERS
from common.metrics import Gauge
from common.primary_clock import SKEW_SECONDS

rate_limited = RateLimitedLog(logging.getLogger(__name__))

CONNECTED = Gauge("bus_connected", "Whether NATS answers and stores messages (0 or 1)")
STREAMS_OPEN = Gauge("event_streams_open", "Event streams that are open at this replica")
EARLY = Gauge(
    "events_early_seconds",
    "For how long the oldest out-of-order event has been waiting for its predecessor",
)
PENDING = Gauge("consumer_pending", "Lag: events that have not been delivered to the service yet")
IN_FLIGHT = Gauge("consumer_in_hand", "Events in flight: delivered and not acknowledged")
WAITING_PULLS = Gauge("consumer_requests", "Pull requests of the service that wait at NATS")
HELD_DEAD_LETTERS = Gauge("dead_letters", "Dead letters of the service that wait for an operator")
OUTBOX_PENDING = Gauge("outbox_waiting", "Documents with a pending outbox")
REFUSED = Gauge("outbox_refused", "Documents with an outbox entry that NATS refuses")
OLDEST = Gauge("outbox_oldest_seconds", "Age of the oldest pending outbox entry")


def local_gauges(bus: Bus, consumer: Consumer | None, feed: EventFeed | None) -> Samples:
    """Gauges of this process."""
    return {
        CONNECTED: float(not bus.problem),
        EARLY: consumer.out_of_order.longest if consumer else 0.0,
        STREAMS_OPEN: float(feed.subscriber_count if feed else 0),
    }


def consumer_gauges(bus: Bus, service: str) -> GaugeSource:
    """The lag of the service's consumer, its waiting pull requests, and its dead letters."""

    async def collect() -> Samples:
        pending, in_flight = await bus.streams.lag(service)
        requests = await bus.streams.waiting_pulls(service) or 0
        letters = await bus.streams.count(DEAD_LETTERS, f"{PREFIX}{service}")
        return {
            PENDING: pending,
            IN_FLIGHT: in_flight,
            WAITING_PULLS: requests,
            HELD_DEAD_LETTERS: letters,
        }

    return GaugeSource("nats", (PENDING, IN_FLIGHT, WAITING_PULLS, HELD_DEAD_LETTERS), collect)


def outbox_gauges(outbox: Outbox) -> GaugeSource:
    """Outbox entries that are pending or rejected, and the age of the oldest."""

    async def collect() -> Samples:
        size = await outbox.size()
        age = (clock.now() - size.since).total_seconds() if size.since else 0.0
        if age < -SKEW_SECONDS:
            rate_limited.warning("clocks differ: an event waits since a time to come")
        return {OUTBOX_PENDING: size.waiting, REFUSED: size.refused, OLDEST: age}

    return GaugeSource("mongodb", (OUTBOX_PENDING, REFUSED, OLDEST), collect)
