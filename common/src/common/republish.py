"""Publishes snapshots of all aggregates of a service again, to rebuild read models elsewhere.

A read model applies a snapshot that is not older than itself, so this repairs the loss of a stream
and fills a new service. It may run beside traffic: it is slowed down by the consumers' lag. It is
requested by an operator (`python -m <service> republish`) or by a service that has missed events;
a run that was begun is finished by whichever replica lives.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from common.aggregate_store import Aggregate, OutboxEntry
from common.contracts.events import Event
from common.contracts.requests import RepublishRun
from common.contracts.subscriptions import subscribers_of
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.backpressure import Backpressure
from common.messaging.bus import Bus
from common.messaging.cloudevents import publish
from common.messaging.refusals import TooLarge
from common.republish_runs import Run, Runs
from common.waiting import wait_for_event

BATCH_SIZE = 10
"""How many snapshots are published concurrently, and queue in front of other events at most."""

IDLE_RATIO = 1.0
"""How long to pause after each batch, as a multiple of the time that the batch took."""

POLL_SECONDS = 2.0
RETRY_SECONDS = 0.5

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Snapshotable(Aggregate, Protocol):
    """An aggregate that has a snapshot event."""

    @property
    def snapshot(self) -> Event:
        """The whole state at this version, applied whenever it is not older."""


class Repository(Protocol):
    """Where they are stored."""

    async def list_after(self, identity: str, limit: int) -> Sequence[Snapshotable]:
        """The next page, sorted by id."""


Result = TypeVar("Result")


class Republisher:
    """Executes requested runs, one replica at a time."""

    def __init__(self, repository: Repository, bus: Bus, service: str, runs: Runs) -> None:
        self._repository, self._bus, self._service, self._runs = repository, bus, service, runs
        self._requested = asyncio.Event()

    async def answer(self, question: bytes) -> bytes:
        """Request a run, or return the state of one; raises Unavailable and ValueError."""
        state = await self._runs.state_of(RepublishRun.model_validate_json(question or b"{}"))
        self._requested.set()
        return state.model_dump_json().encode()

    async def run(self) -> None:
        """Poll for runs until cancelled."""
        while True:
            self._requested.clear()
            try:
                while self._bus.is_connected and await self.work():
                    pass
            except Unavailable as error:
                rate_limited.warning("republishing waits", error=str(error))
            await wait_for_event(self._requested, POLL_SECONDS)

    async def work(self) -> bool:
        """Execute the run that is due and not leased, if any; whether there was one."""
        run = await self._runs.claim()
        if run is None:
            return False
        log.info("republishing", extra={"run": run.number, "after": run.cursor})
        try:
            ended = await self._publish_all(run)
        except asyncio.CancelledError:
            await asyncio.shield(self._runs.release(run))
            raise
        if ended:
            await self._runs.finish(ended)
            log.info("republished %d %s", ended.count, self._service, extra={"run": run.number})
        return True

    async def _publish_all(self, run: Run) -> Run | None:
        """The run as it is at the end; None when another replica has taken it over."""
        backpressure = Backpressure(self._bus, subscribers_of(self._service))
        while page := await retry_until_available(
            partial(self._repository.list_after, run.cursor, BATCH_SIZE)
        ):
            began = time.monotonic()
            publishing = (
                retry_until_available(partial(self._publish_snapshot, each, run)) for each in page
            )
            await asyncio.gather(*publishing)
            run = replace(run, cursor=page[-1].id, count=run.count + len(page))
            if not await retry_until_available(partial(self._runs.advance, run)):
                return None
            await backpressure.wait_for_lag(BATCH_SIZE)
            await asyncio.sleep(IDLE_RATIO * (time.monotonic() - began))
        return run

    async def _publish_snapshot(self, aggregate: Snapshotable, run: Run) -> None:
        snapshot = OutboxEntry.of(aggregate.snapshot, aggregate.version)
        try:
            await publish(self._bus, snapshot, self._service, dedup_suffix=f"snapshot:{run.key}")
        except TooLarge as error:  # it would hold up all others for ever
            log.error("a snapshot is too large to be published", extra={"error": str(error)})  # noqa: TRY400


async def retry_until_available(work: Callable[[], Awaitable[Result]]) -> Result:
    """Its result, retried for as long as NATS or MongoDB is unavailable."""
    while True:
        try:
            return await work()
        except Unavailable as error:
            rate_limited.warning("republishing waits", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
