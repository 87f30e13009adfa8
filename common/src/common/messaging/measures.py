"""What the event side of a service can be measured by: the bus, its consumer and its outboxes."""

import logging

from common import clock
from common.logs import RateLimitedLog
from common.measuring import Measure, Readings
from common.messaging.bus import Bus
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import PREFIX
from common.messaging.live import Live
from common.messaging.outbox import Outbox
from common.messaging.streams import DEAD_LETTERS
from common.metrics import Gauge
from common.primary_clock import DIFFERENT_SECONDS

rarely = RateLimitedLog(logging.getLogger(__name__))

CONNECTED = Gauge("bus_connected", "Whether NATS takes and answers what is asked of it (0 or 1)")
STREAMS_OPEN = Gauge("event_streams_open", "Clients that follow the events of this replica")
EARLY = Gauge(
    "events_early_seconds", "For how long the first event has been waiting for its predecessor"
)
PENDING = Gauge("consumer_pending", "Events that no replica of the service has been given yet")
IN_HAND = Gauge("consumer_in_hand", "Events that replicas were given and have not acknowledged")
REQUESTS = Gauge("consumer_requests", "Requests of the service for events that wait at NATS")
LETTERS = Gauge("dead_letters", "Events that the service gave up and a person has to decide on")
WAITING = Gauge("outbox_waiting", "Documents with events that are not known to be stored")
REFUSED = Gauge("outbox_refused", "Documents with an event that NATS refuses")
OLDEST = Gauge("outbox_oldest_seconds", "For how long the oldest of them has been waiting")


def here(bus: Bus, consumer: Consumer | None, live: Live | None) -> Readings:
    """What a replica knows by itself."""
    return {
        CONNECTED: float(not bus.problem),
        EARLY: consumer.early.longest if consumer else 0.0,
        STREAMS_OPEN: float(live.followers if live else 0),
    }


def of_consumer(bus: Bus, service: str) -> Measure:
    """How far behind a service is, whether it asks for more, and what it gave up."""

    async def ask() -> Readings:
        pending, in_hand = await bus.streams.backlog_of(service)
        requests = await bus.streams.requests_of(service) or 0
        letters = await bus.streams.count(DEAD_LETTERS, f"{PREFIX}{service}")
        return {PENDING: pending, IN_HAND: in_hand, REQUESTS: requests, LETTERS: letters}

    return Measure("nats", (PENDING, IN_HAND, REQUESTS, LETTERS), ask)


def of_outbox(outbox: Outbox) -> Measure:
    """What a service has not announced yet."""

    async def ask() -> Readings:
        size = await outbox.size()
        age = (clock.now() - size.since).total_seconds() if size.since else 0.0
        if age < -DIFFERENT_SECONDS:
            rarely.warning("clocks differ: an event waits since a time to come")
        return {WAITING: size.waiting, REFUSED: size.refused, OLDEST: age}

    return Measure("mongodb", (WAITING, REFUSED, OLDEST), ask)
