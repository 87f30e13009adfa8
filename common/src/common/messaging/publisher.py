"""Publishes the outboxes of documents: each entry once, and each document's in its order."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from common.aggregates import Announcement
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.envelope import send

REMEMBERED_SECONDS = 10.0
"""How long it is known what of a document was acknowledged: longer than anybody who read the
document before that takes to write it, and hands its whole outbox over again."""

MOST_REMEMBERED = 10_000
"""How many documents that is known of at most; to forget one costs a duplicate, if anything."""

Key = tuple[str, str]
"""A collection, and the id of a document in it."""

rarely = RateLimitedLog(logging.getLogger(__name__))


class _Line:
    """What one document has to say, the lowest version first."""

    __slots__ = ("acknowledged", "task", "used", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, Announcement] = {}
        self.acknowledged = -1
        self.used = time.monotonic()
        self.task: asyncio.Task[bool] | None = None

    @property
    def is_busy(self) -> bool:
        return self.task is not None and not self.task.done()

    def add(self, announcements: Iterable[Announcement]) -> None:
        self.used = time.monotonic()
        for one in announcements:
            if one.version > self.acknowledged:
                self.waiting.setdefault(one.version, one)


class Publisher:
    """One task for each document that has something to say; documents go side by side.

    `on_acknowledged` is told up to which version a document's outbox has been acknowledged. What
    the bus does not take is dropped here: it is in the outbox, where the sweep finds it.
    """

    def __init__(self, bus: Bus, service: str, on_acknowledged: Callable[[Key, int], None]) -> None:
        self._bus, self._service, self._on_acknowledged = bus, service, on_acknowledged
        self._lines: dict[Key, _Line] = {}

    def publish(self, key: Key, announcements: Iterable[Announcement]) -> asyncio.Task[bool]:
        """Publish those that were not acknowledged yet; the task says whether all are now."""
        line = self._lines.pop(key, None) or _Line()
        self._lines[key] = line  # the last one used is the last to be forgotten
        line.add(announcements)
        if line.task is None or line.task.done():
            line.task = asyncio.create_task(self._publish(key, line))
        return line.task

    async def _publish(self, key: Key, line: _Line) -> bool:
        is_taken = True
        try:
            while line.waiting:
                version = min(line.waiting)
                await send(self._bus, line.waiting[version], self._service)
                line.acknowledged = version
                del line.waiting[version]
        except Unavailable as error:
            is_taken = False
            line.waiting.clear()
            rarely.warning("events wait in the outbox", error=str(error))
        if line.acknowledged >= 0:
            self._on_acknowledged(key, line.acknowledged)
        return is_taken

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
