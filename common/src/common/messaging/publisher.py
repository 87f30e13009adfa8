"""Publishes outboxes: each entry once (idempotency), and those of a document in order."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from common.aggregate_store import OutboxEntry, entry_from_document
from common.errors import Refused, Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.cloudevents import publish
from common.mongo import Document

DEDUP_SECONDS = 10.0
"""How long acknowledged versions are remembered: longer than a writer that has read the document
before takes to write it and to hand over its whole outbox again."""

ACK_INTERVAL = 100
"""After so many acknowledgements of one document its progress is reported."""

MAX_QUEUES = 10_000
"""How many documents are remembered at most; an evicted one may cost a duplicate."""

Key = tuple[str, str]
"""A collection, and the id of a document in it."""

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class _DocumentQueue:
    """The pending entries of one document, by version."""

    __slots__ = ("acknowledged", "task", "used", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, OutboxEntry] = {}
        self.acknowledged = -1
        self.used = time.monotonic()
        self.task: asyncio.Task[bool] | None = None

    @property
    def is_busy(self) -> bool:
        return self.task is not None and not self.task.done()

    def add(self, entries: Iterable[Document]) -> None:
        self.used = time.monotonic()
        for entry in entries:
            version = entry["version"]
            if version > self.acknowledged and version not in self.waiting:
                self.waiting[version] = entry_from_document(entry)


class OutboxPublisher:
    """One task for each document with pending entries; documents are published concurrently.

    `on_acknowledged` is called with the version up to which a document's outbox was acknowledged,
    `on_refused` with a version that the bus refuses. In an outage entries are dropped here: they
    are in the outbox, where the sweep finds them.
    """

    def __init__(
        self,
        bus: Bus,
        service: str,
        on_acknowledged: Callable[[Key, int], None],
        on_refused: Callable[[Key, int], None],
    ) -> None:
        self._bus, self._service = bus, service
        self._on_acknowledged, self._on_refused = on_acknowledged, on_refused
        self._queues: dict[Key, _DocumentQueue] = {}

    def publish(self, key: Key, entries: Iterable[Document]) -> asyncio.Task[bool]:
        """Publish the entries of an outbox that were not acknowledged yet.

        The task returns whether the bus has answered: it stored all of them, or refused one.
        """
        queue = self._queues.pop(key, None) or _DocumentQueue()
        self._queues[key] = queue  # the last one used is evicted last
        queue.add(entries)
        if queue.task is None or queue.task.done():
            queue.task = asyncio.create_task(self._publish(key, queue))
        return queue.task

    async def _publish(self, key: Key, queue: _DocumentQueue) -> bool:
        """Drops the rest when an entry is not stored: it has to wait for that one."""
        try:
            await self._publish_all(key, queue)
        except Refused as error:
            refused = min(queue.waiting)
            subject = queue.waiting[refused].subject
            rate_limited.warning(
                "NATS refuses an event", same=["subject"], subject=subject, error=error
            )
            self._on_refused(key, refused)
        except Unavailable as error:
            rate_limited.warning("events wait in the outbox", error=str(error))
            return False
        finally:
            queue.waiting.clear()
            if queue.acknowledged >= 0:
                self._on_acknowledged(key, queue.acknowledged)
        return True

    async def _publish_all(self, key: Key, queue: _DocumentQueue) -> None:
        """In the order of versions, including entries that are added meanwhile."""
        while queue.waiting:
            version = min(queue.waiting)
            await publish(self._bus, queue.waiting[version], self._service)
            queue.acknowledged = version
            del queue.waiting[version]
            if version % ACK_INTERVAL == 0:
                self._on_acknowledged(key, version)

    def evict(self) -> None:
        """Evict documents that were not used for a while."""
        before = time.monotonic() - DEDUP_SECONDS
        while self._queues:
            key, queue = next(iter(self._queues.items()))
            is_old = queue.used < before or len(self._queues) > MAX_QUEUES
            if queue.is_busy or not is_old:
                return
            del self._queues[key]

    async def drain(self, seconds: float) -> None:
        """Wait for what is being published, but not longer than this."""
        tasks = [queue.task for queue in self._queues.values() if queue.task and queue.is_busy]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
