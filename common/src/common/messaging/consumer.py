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
from common.messaging.cloudevents import NATS, UndecodableMessage, consumer_span, decode
from common.messaging.delivery import Delivery, Outcome
from common.messaging.keyed_queue import Job, KeyedQueue
from common.messaging.out_of_order import OutOfOrderEvents
from common.messaging.pull_loop import PullLoop
from common.messaging.topology import ACK_WAIT_SECONDS

Handlers: TypeAlias = Mapping[Subject, Callable[[Any, Any], Awaitable[None]]]
"""For each subject a function of the event and the service's repository."""

OrderingKey: TypeAlias = Callable[[Any], str]
"""The key of an event: events with the same key are handled in order."""

HANDLER_SECONDS = 20.0
PROGRESS_SECONDS = ACK_WAIT_SECONDS / 3
"""How often NATS is told that a delivery is still in progress."""

MAX_DELIVERIES = 10
"""After so many deliveries a message whose handler fails becomes a dead letter."""

MAX_TRIES_IN_PLACE = 5

FAILURES = {Outcome.FAILED, Outcome.DEAD_LETTERED}

log = logging.getLogger(__name__)
rate_limited = logs.RateLimitedLog(log)


def aggregate_key(event: Event) -> str:
    """The default ordering key: events of one aggregate are handled in order."""
    return event.aggregate_id


class Consumer:
    """One replica's share of the events that its service subscribes to."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        handlers: Handlers,
        repository: object,
        ordering_key: OrderingKey = aggregate_key,
    ) -> None:
        self._bus, self._service = bus, service
        self._handlers, self._repository, self._key_of = handlers, repository, ordering_key
        self._queue = KeyedQueue()
        self._in_flight: dict[Delivery, int] = {}  # how often each was tried
        self.out_of_order = OutOfOrderEvents()
        self._loop = PullLoop(bus, service, self._dispatch, lambda: self._queue.load)
        self._progress: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to consume; called again after each reconnection."""
        await self._bus.streams.require_consumer(self._service, self._handlers)
        await self._loop.start()
        self._progress = self._progress or asyncio.create_task(self._report_progress())

    async def stop(self, seconds: float) -> None:
        """Pull no more, finish running handlers, and leave the rest to other replicas at once."""
        until = time.monotonic() + seconds
        await self._loop.stop()
        await self._queue.drain(max(0, until - time.monotonic()))
        if self._progress:
            self._progress.cancel()
        for delivery in list(self._in_flight):
            await delivery.nak(0)

    async def _report_progress(self) -> None:
        """What queues here longer than `ack_wait` would be delivered a second time."""
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            for delivery in list(self._in_flight):
                await delivery.in_progress()

    def _dispatch(self, delivery: Delivery) -> None:
        self._in_flight[delivery] = 0
        key, job = self._job(delivery)
        self._queue.submit(key, delivery.sequence, partial(self._run, delivery, job))

    def _job(self, delivery: Delivery) -> tuple[str, Job]:
        """What to do about a message, and its ordering key."""
        unordered = str(delivery.sequence)
        if delivery.subject not in self._handlers and not delivery.is_replay:
            return unordered, partial(self._leave_to_others, delivery)
        try:
            event = decode(delivery)
        except UndecodableMessage as error:
            return unordered, partial(self._reject, delivery, f"unreadable: {error}")
        return self._key_of(event), partial(self._handle, delivery, event)

    async def _run(self, delivery: Delivery, job: Job) -> float | None:
        self._in_flight[delivery] += 1
        if pause := await job():
            return pause
        del self._in_flight[delivery]
        await self._loop.request()
        return None

    async def _leave_to_others(self, delivery: Delivery) -> None:
        """A newer version of the service, running beside this one, has a handler for it."""
        await delivery.nak(outage_delay(delivery.delivery_count))
        rate_limited.warning(
            "no handler for a subject: left to other replicas", subject=delivery.subject
        )
        metrics.count_processed(metrics.OTHER, Outcome.UNAVAILABLE)

    async def _reject(self, delivery: Delivery, reason: str) -> None:
        outcome = await self._dead_letter(delivery, reason)
        subject = delivery.subject if delivery.subject in self._handlers else metrics.OTHER
        metrics.count_processed(subject, outcome)

    async def _handle(self, delivery: Delivery, event: Event) -> float | None:
        started = time.perf_counter()
        with consumer_span(delivery) as span:
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
                "attempt": delivery.delivery_count,
                "duration_ms": round(seconds * 1000, 1),
            },
        )
        return gap_delay(self._in_flight[delivery]) if outcome is Outcome.WAITING else None

    async def _outcome(self, delivery: Delivery, event: Event) -> Outcome:
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                await self._handlers[Subject(delivery.subject)](event, self._repository)
        except (VersionGap, NotFound):  # its predecessor, or what it refers to, is on its way
            return await self._defer(delivery, event)
        except (Unavailable, TimeoutError):
            await delivery.nak(outage_delay(delivery.delivery_count))
            return Outcome.UNAVAILABLE
        except Exception as defect:
            log.exception("handler failed")
            return await self._retry_or_give_up(delivery, defect)
        self.out_of_order.resolved(delivery.sequence)
        await delivery.ack()
        return Outcome.ACKED

    async def _defer(self, delivery: Delivery, event: Event) -> Outcome:
        # In place, or those behind it would be out of order, too. But only on its first delivery:
        # its predecessor may be among those behind, which it would hold up at each return.
        in_place = delivery.delivery_count == 1 and self._in_flight[delivery] < MAX_TRIES_IN_PLACE
        if in_place and self._queue.has_backlog(self._key_of(event)):
            return Outcome.WAITING
        self.out_of_order.deferred(delivery.sequence)
        await delivery.nak(gap_delay(delivery.delivery_count))
        return Outcome.OUT_OF_ORDER

    async def _retry_or_give_up(self, delivery: Delivery, defect: Exception) -> Outcome:
        if delivery.delivery_count < MAX_DELIVERIES:
            await delivery.nak(defect_delay(delivery.delivery_count))
            return Outcome.FAILED
        return await self._dead_letter(delivery, f"{type(defect).__name__}: {defect}")

    async def _dead_letter(self, delivery: Delivery, reason: str) -> Outcome:
        try:
            await dead_letters.store(self._bus, self._service, delivery, reason)
        except Unavailable:
            await delivery.nak(outage_delay(delivery.delivery_count))
            return Outcome.UNAVAILABLE
        log.error("dead letter", extra={"sequence": delivery.sequence, "reason": reason})
        self.out_of_order.resolved(delivery.sequence)
        await delivery.ack()
        return Outcome.DEAD_LETTERED
