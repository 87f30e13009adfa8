"""The relay of the outboxes: publishes at once, and sweeps what a crash or outage left behind."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.backlog import Backlog, BacklogSize, Batch
from common.messaging.bus import Bus
from common.messaging.publisher import Key, OutboxPublisher
from common.mongo import Collection, Document
from common.tasks import run_concurrently
from common.waiting import wait_for_event

SWEEP_SECONDS = 1.0
BATCH_SECONDS = 1.0
"""How long a batch is waited for: what takes longer continues beside the next one."""

CLEAR_SECONDS = 0.02

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Outbox:
    """Publishes the outboxes of some collections, and clears what was acknowledged.

    Version n+1 of an aggregate is published after the acknowledgement of n; different aggregates
    are published concurrently. Publication is idempotent: every replica sends the same message id.
    """

    def __init__(self, bus: Bus, service: str, collections: Sequence[Collection]) -> None:
        self._bus = bus
        self._backlogs = {each.name: Backlog(each) for each in collections}
        self._publisher = OutboxPublisher(bus, service, self._on_acknowledged, self._on_refused)
        self._sent: dict[Key, int] = {}
        self._refused: dict[Key, int] = {}
        self._has_results = asyncio.Event()
        self._sweep_now = asyncio.Event()

    def publish_soon(self, collection: str, document: Document) -> None:
        """Publish the outbox of a document that was just written, in the background."""
        if document.get("outbox") and self._bus.is_connected:
            self._publish(collection, document)  # else the sweep finds it when the bus is back

    def _publish(self, collection: str, document: Document) -> asyncio.Task[bool]:
        return self._publisher.publish((collection, document["_id"]), document.get("outbox", []))

    def _on_acknowledged(self, key: Key, version: int) -> None:
        self._sent[key] = version
        self._has_results.set()

    def _on_refused(self, key: Key, version: int) -> None:
        self._refused[key] = version
        self._has_results.set()

    async def sweep_soon(self) -> None:
        """Start the next sweep now: the bus is back."""
        self._sweep_now.set()

    async def run(self) -> None:
        """Clear and sweep until cancelled."""
        await run_concurrently(self._clear_for_ever(), self._sweep_for_ever())

    async def size(self) -> BacklogSize:
        """The size of the backlog of all collections."""
        sizes = [await backlog.size() for backlog in self._backlogs.values()]
        return BacklogSize(
            waiting=sum(size.waiting for size in sizes),
            refused=sum(size.refused for size in sizes),
            since=min((size.since for size in sizes if size.since), default=None),
        )

    async def drain(self, seconds: float) -> None:
        """Finish what is being published, but not longer than this, and clear it."""
        await self._publisher.drain(seconds)
        await self._clear()

    async def _clear_for_ever(self) -> None:
        while True:
            await self._has_results.wait()
            await asyncio.sleep(CLEAR_SECONDS)  # batch: one round trip clears them all
            await self._clear()
            self._publisher.evict()

    async def _clear(self) -> None:
        sent, self._sent = self._sent, {}
        refused, self._refused = self._refused, {}
        self._has_results.clear()
        try:
            for name, backlog in self._backlogs.items():
                await backlog.record(_of_collection(name, sent), _of_collection(name, refused))
        except Unavailable as error:
            log.warning(
                "outboxes are not cleared; the next sweep does it", extra={"error": str(error)}
            )

    async def _sweep_for_ever(self) -> None:
        while True:
            self._sweep_now.clear()
            try:
                await self._sweep()
            except Unavailable as error:
                rate_limited.warning("outboxes are not swept", error=str(error))
            pause = SWEEP_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - replicas apart
            await wait_for_event(self._sweep_now, pause)

    async def _sweep(self) -> None:
        """What was left behind, batch by batch while NATS answers; then what was refused."""
        for name, backlog in self._backlogs.items():
            while await self._sweep_batch(name, backlog.unpublished):
                pass
            await self._sweep_batch(name, backlog.due_for_retry)

    async def _sweep_batch(self, name: str, find: Callable[[], Awaitable[Batch]]) -> bool:
        """Publish a batch; whether NATS answered any of it, and there is more."""
        batch = await find() if self._bus.is_connected else Batch()
        if not batch.documents:
            return False
        tasks = [self._publish(name, one) for one in batch.documents]
        done, _ = await asyncio.wait(tasks, timeout=BATCH_SECONDS)
        await self._clear()
        return any(task.result() for task in done) and not batch.is_last


def _of_collection(collection: str, results: dict[Key, int]) -> dict[str, int]:
    return {key: version for (home, key), version in results.items() if home == collection}
