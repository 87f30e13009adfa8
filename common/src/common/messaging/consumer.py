"""Message -> event -> handler -> ack, nak or dead letter: nothing is acknowledged and forgotten."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from common import logs, metrics
from common.contracts.events import Event
from common.contracts.subjects import Subject
from common.errors import NotFound, Unavailable, VersionGap
from common.messaging import dead_letters
from common.messaging.backoff import defect_delay, gap_delay, outage_delay
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery
from common.messaging.early import EarlyEvents
from common.messaging.envelope import NATS, Unreadable, event_of, handling
from common.messaging.lanes import Job, Lanes
from common.messaging.pull_loop import PullLoop
from common.messaging.topology import ACK_WAIT_SECONDS

Handlers: TypeAlias = Mapping[Subject, Callable[[Any, Any], Awaitable[None]]]
"""What a service hears: for each subject a function of the event and the service's repository."""

Lane: TypeAlias = Callable[[Any], str]
"""Which events wait for each other: those for which this gives the same."""

HANDLER_SECONDS = 20.0
KEEP_SECONDS = ACK_WAIT_SECONDS / 3
DEFECTS_ALLOWED = 10

TRIES_IN_PLACE = 5
WAITING = "waiting"
OUTCOMES = ("handled", WAITING, "early", "postponed", "failed", "dead")
"""What can become of a delivery; the table in docs/architecture.md says when."""

FAILURES = {"failed", "dead"}

log = logging.getLogger(__name__)
rate_limited = logs.RateLimitedLog(log)


def by_aggregate(event: Event) -> str:
    """The usual lane: events of one aggregate wait for each other."""
    return event.aggregate_id


class Consumer:
    """One replica's share of the events that its service hears."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        handlers: Handlers,
        repository: object,
        lane: Lane = by_aggregate,
    ) -> None:
        self._bus, self._service = bus, service
        self._handlers, self._repository, self._lane = handlers, repository, lane
        self._lanes = Lanes()
        self._tried: dict[Delivery, int] = {}  # how often, for each that was taken
        self.early = EarlyEvents()
        self._loop = PullLoop(bus, service, self._take, lambda: self._lanes.load)
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to hear; called again after each reconnection."""
        await self._bus.streams.require_consumer(self._service, self._handlers)
        await self._loop.start()
        self._keeping = self._keeping or asyncio.create_task(self._keep())

    async def stop(self, seconds: float) -> None:
        """Take nothing more, finish what runs, and leave the rest to other replicas at once."""
        until = time.monotonic() + seconds
        await self._loop.stop()
        await self._lanes.finish(max(0, until - time.monotonic()))
        if self._keeping:
            self._keeping.cancel()
        for delivery in list(self._tried):
            await delivery.nak(0)

    async def _keep(self) -> None:
        """What waits here longer than the bus does would be delivered a second time."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            for delivery in list(self._tried):
                await delivery.keep()

    def _take(self, delivery: Delivery) -> None:
        self._tried[delivery] = 0
        lane, job = self._job(delivery)
        self._lanes.put(lane, delivery.sequence, partial(self._answered, delivery, job))

    def _job(self, delivery: Delivery) -> tuple[str, Job]:
        """What to do about a message, and in which lane."""
        alone = str(delivery.sequence)
        if delivery.subject not in self._handlers and not delivery.is_replay:
            return alone, partial(self._leave_to_others, delivery)
        try:
            event = event_of(delivery)
        except Unreadable as error:
            return alone, partial(self._refuse, delivery, f"unreadable: {error}")
        return self._lane(event), partial(self._handle, delivery, event)

    async def _answered(self, delivery: Delivery, job: Job) -> float | None:
        self._tried[delivery] += 1
        if pause := await job():
            return pause
        del self._tried[delivery]
        await self._loop.ask()
        return None

    async def _leave_to_others(self, delivery: Delivery) -> None:
        """A newer version of the service, running beside this one, has a handler for it."""
        await delivery.nak(outage_delay(delivery.attempt))
        rate_limited.warning(
            "no handler for a subject: left to other replicas", subject=delivery.subject
        )
        metrics.count_processed(metrics.OTHER, "postponed")

    async def _refuse(self, delivery: Delivery, reason: str) -> None:
        outcome = await self._give_up(delivery, reason)
        subject = delivery.subject if delivery.subject in self._handlers else metrics.OTHER
        metrics.count_processed(subject, outcome)

    async def _handle(self, delivery: Delivery, event: Event) -> float | None:
        started = time.perf_counter()
        with handling(delivery) as span:
            logs.context.set(
                {
                    "subject": delivery.subject,
                    "aggregate_id": event.aggregate_id,
                    "trace_id": span.trace_id,
                }
            )
            outcome = await self._outcome(delivery, event)
            span.record({**NATS, "ticketing.outcome": outcome}, failed=outcome in FAILURES)
        seconds = time.perf_counter() - started
        metrics.count_processed(delivery.subject, outcome, seconds)
        log.info(
            "event %s",
            outcome,
            extra={
                "sequence": delivery.sequence,
                "attempt": delivery.attempt,
                "duration_ms": round(seconds * 1000, 1),
            },
        )
        return gap_delay(self._tried[delivery]) if outcome == WAITING else None

    async def _outcome(self, delivery: Delivery, event: Event) -> str:
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                await self._handlers[Subject(delivery.subject)](event, self._repository)
        except (VersionGap, NotFound):  # its predecessor, or what it is about, is on its way
            return await self._early(delivery, event)
        except (Unavailable, TimeoutError):
            await delivery.nak(outage_delay(delivery.attempt))
            return "postponed"
        except Exception as defect:
            log.exception("handler failed")
            return await self._defect(delivery, defect)
        self.early.gone(delivery.sequence)
        await delivery.ack()
        return "handled"

    async def _early(self, delivery: Delivery, event: Event) -> str:
        # In place, or those behind it would all be early, too. But only when it comes for the first
        # time: its predecessor may be among those behind, which it would hold up at each return.
        in_place = delivery.attempt == 1 and self._tried[delivery] < TRIES_IN_PLACE
        if in_place and self._lanes.is_waited_for(self._lane(event)):
            return WAITING
        self.early.met(delivery.sequence)
        await delivery.nak(gap_delay(delivery.attempt))
        return "early"

    async def _defect(self, delivery: Delivery, defect: Exception) -> str:
        if delivery.attempt < DEFECTS_ALLOWED:
            await delivery.nak(defect_delay(delivery.attempt))
            return "failed"
        return await self._give_up(delivery, f"{type(defect).__name__}: {defect}")

    async def _give_up(self, delivery: Delivery, reason: str) -> str:
        try:
            await dead_letters.keep(self._bus, self._service, delivery, reason)
        except Unavailable:
            await delivery.nak(outage_delay(delivery.attempt))
            return "postponed"
        log.error("dead letter", extra={"sequence": delivery.sequence, "reason": reason})
        self.early.gone(delivery.sequence)
        await delivery.ack()
        return "dead"
