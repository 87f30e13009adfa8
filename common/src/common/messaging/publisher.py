"""Publishes the outboxes of documents: each entry once, and each document's in its order."""

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

REMEMBERED_SECONDS = 10.0
"""How long it is known what of a document was acknowledged: longer than anybody who read the
document before that takes to write it, and hands its whole outbox over again."""

TOLD_EACH = 100
"""After so many acknowledgements of one document it is told how far it has come."""

MOST_REMEMBERED = 10_000
"""How many documents that is known of at most; to forget one costs a duplicate, if anything."""

Key = tuple[str, str]
"""A collection, and the id of a document in it."""

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class _Line:
    """What one document has to say, the lowest version first."""

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


class Publisher:
    """One task for each document that has something to say; documents go side by side.

    `on_acknowledged` is told up to which version a document's outbox has been acknowledged, and
    `on_refused` which version the bus refuses. What it does not take is dropped here: it is in the
    outbox, where the sweep finds it.
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
        self._lines: dict[Key, _Line] = {}

    def publish(self, key: Key, entries: Iterable[Document]) -> asyncio.Task[bool]:
        """Publish the entries of an outbox that were not acknowledged yet.

        The task says whether the bus has answered for all of them: it took them, or it refused one.
        """
        line = self._lines.pop(key, None) or _Line()
        self._lines[key] = line  # the last one used is the last to be forgotten
        line.add(entries)
        if line.task is None or line.task.done():
            line.task = asyncio.create_task(self._publish(key, line))
        return line.task

    async def _publish(self, key: Key, line: _Line) -> bool:
        """Drops what is left when the bus does not take something: the rest has to wait for it."""
        try:
            await self._publish_all(key, line)
        except Refused as error:
            refused = min(line.waiting)
            subject = line.waiting[refused].subject
            rate_limited.warning(
                "NATS refuses an event", same=["subject"], subject=subject, error=error
            )
            self._on_refused(key, refused)
        except Unavailable as error:
            rate_limited.warning("events wait in the outbox", error=str(error))
            return False
        finally:
            line.waiting.clear()
            if line.acknowledged >= 0:
                self._on_acknowledged(key, line.acknowledged)
        return True

    async def _publish_all(self, key: Key, line: _Line) -> None:
        """In the order of their versions, those included that come meanwhile."""
        while line.waiting:
            version = min(line.waiting)
            await publish(self._bus, line.waiting[version], self._service)
            line.acknowledged = version
            del line.waiting[version]
            if version % TOLD_EACH == 0:
                self._on_acknowledged(key, version)

    def forget(self) -> None:
        """Give up the memory of documents that have said nothing for a while."""
        before = time.monotonic() - REMEMBERED_SECONDS
        while self._lines:
            key, line = next(iter(self._lines.items()))
            is_old = line.used < before or len(self._lines) > MOST_REMEMBERED
            if line.is_busy or not is_old:
                return
            del self._lines[key]

    async def finish(self, seconds: float) -> None:
        """Wait for what is on its way, but not longer than this."""
        tasks = [line.task for line in self._lines.values() if line.task and line.is_busy]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
