"""Announces what was written: at once, and by a sweep for what a crash or an outage left behind."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.backlog import Backlog, Page, Size
from common.messaging.bus import Bus
from common.messaging.publisher import Key, Publisher
from common.mongo import Collection, Document
from common.tasks import run_concurrently
from common.waiting import wait_for_event

SWEEP_SECONDS = 1.0
TURN_SECONDS = 1.0
"""How long a page is waited for: what takes longer goes on beside the next one."""

CLEAR_SECONDS = 0.02

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Outbox:
    """Publishes the outboxes of some collections and clears them after the acknowledgements.

    Version n+1 of an aggregate is published after the acknowledgement of n; different aggregates
    go side by side. Whoever publishes, writer or sweep of any replica, sends the same message id.
    """

    def __init__(self, bus: Bus, service: str, collections: Sequence[Collection]) -> None:
        self._bus = bus
        self._backlogs = {each.name: Backlog(each) for each in collections}
        self._publisher = Publisher(bus, service, self._acknowledged, self._refused)
        self._sent: dict[Key, int] = {}
        self._set_aside: dict[Key, int] = {}
        self._something_known = asyncio.Event()
        self._sweep_now = asyncio.Event()

    def announce(self, collection: str, document: Document) -> None:
        """Publish soon what a document that was just written has to say."""
        if document.get("outbox") and self._bus.is_connected:
            self._publish(collection, document)  # else the sweep finds it when the bus is back

    def _publish(self, collection: str, document: Document) -> asyncio.Task[bool]:
        return self._publisher.publish((collection, document["_id"]), document.get("outbox", []))

    def _acknowledged(self, key: Key, version: int) -> None:
        self._sent[key] = version
        self._something_known.set()

    def _refused(self, key: Key, version: int) -> None:
        self._set_aside[key] = version
        self._something_known.set()

    async def sweep_soon(self) -> None:
        """Do not wait for the next sweep: the bus is back."""
        self._sweep_now.set()

    async def run(self) -> None:
        """Clear and sweep until cancelled."""
        await run_concurrently(self._clear_for_ever(), self._sweep_for_ever())

    async def size(self) -> Size:
        """How much waits, and since when; and how much was refused."""
        sizes = [await backlog.size() for backlog in self._backlogs.values()]
        return Size(
            waiting=sum(size.waiting for size in sizes),
            refused=sum(size.refused for size in sizes),
            since=min((size.since for size in sizes if size.since), default=None),
        )

    async def finish(self, seconds: float) -> None:
        """Publish and clear what is on its way, but not longer than this."""
        await self._publisher.finish(seconds)
        await self._clear()

    async def _clear_for_ever(self) -> None:
        while True:
            await self._something_known.wait()
            await asyncio.sleep(CLEAR_SECONDS)  # gather some: one round trip clears them all
            await self._clear()
            self._publisher.forget()

    async def _clear(self) -> None:
        sent, self._sent = self._sent, {}
        set_aside, self._set_aside = self._set_aside, {}
        self._something_known.clear()
        try:
            for name, backlog in self._backlogs.items():
                await backlog.note(_of(name, sent), _of(name, set_aside))
        except Unavailable as error:
            log.warning("outboxes are not cleared; the sweep does", extra={"error": str(error)})

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
        """What was left behind, page by page while anything is answered; then what was refused."""
        for name, backlog in self._backlogs.items():
            while await self._sweep_page(name, backlog.left_behind):
                pass
            await self._sweep_page(name, backlog.to_be_tried_again)

    async def _sweep_page(self, name: str, find: Callable[[], Awaitable[Page]]) -> bool:
        """Announce a page; whether anything was answered, taken or refused, and there is more."""
        page = await find() if self._bus.is_connected else Page()
        if not page.documents:
            return False
        tasks = [self._publish(name, one) for one in page.documents]
        done, _ = await asyncio.wait(tasks, timeout=TURN_SECONDS)
        await self._clear()
        return any(task.result() for task in done) and not page.is_last


def _of(collection: str, noted: dict[Key, int]) -> dict[str, int]:
    return {key: version for (home, key), version in noted.items() if home == collection}
