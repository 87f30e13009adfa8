"""Announces what was written: at once, and by a sweep for what a crash or an outage left behind."""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from common import clock
from common.aggregates import outbox_of
from common.background import side_by_side
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.publisher import Key, Publisher
from common.mongo import Collection, Document, Update
from common.waiting import set_within

LEFT_BEHIND_SECONDS = 1.0
PAGE = 500
CLEAR_SECONDS = 0.02
MOST_COUNTED = 100_000
"""A look at a backlog must not cost more the worse it gets."""

log = logging.getLogger(__name__)
rarely = RateLimitedLog(log)


class Outbox:
    """Publishes the outboxes of some collections and clears them after the acknowledgements.

    Version n+1 of an aggregate is published after the acknowledgement of n; different aggregates
    go side by side. Whoever publishes, writer or sweep of any replica, sends the same message id.
    """

    def __init__(self, bus: Bus, service: str, collections: Sequence[Collection]) -> None:
        self._bus = bus
        self._collections = {collection.name: collection for collection in collections}
        self._publisher = Publisher(bus, service, self._acknowledged)
        self._sent: dict[Key, int] = {}
        self._something_sent = asyncio.Event()
        self._sweep_now = asyncio.Event()

    def announce(self, collection: str, document: Document) -> None:
        """Publish soon what a document that was just written has to say."""
        if document.get("outbox") and self._bus.is_connected:
            self._publish(collection, document)  # else the sweep finds it when the bus is back

    def _publish(self, collection: str, document: Document) -> asyncio.Task[bool]:
        return self._publisher.publish((collection, document["_id"]), outbox_of(document))

    def _acknowledged(self, key: Key, version: int) -> None:
        self._sent[key] = version
        self._something_sent.set()

    async def sweep_soon(self) -> None:
        """Do not wait for the next sweep: the bus is back."""
        self._sweep_now.set()

    async def run(self) -> None:
        """Clear and sweep until cancelled."""
        await side_by_side(self._clear_for_ever(), self._sweep_for_ever())

    async def backlog(self) -> tuple[int, datetime | None]:
        """How many documents wait, up to `MOST_COUNTED`, and since when the first of them."""
        waiting: Document = {"outboxSince": {"$exists": True}}
        count, since = 0, []
        for collection in self._collections.values():
            count += await collection.count(waiting, limit=MOST_COUNTED)
            first = await collection.find(waiting, sort=[("outboxSince", 1)], limit=1)
            since += [document["outboxSince"] for document in first]
        return count, min(since, default=None)

    async def finish(self, seconds: float) -> None:
        """Publish and clear what is on its way, but not longer than this."""
        await self._publisher.finish(seconds)
        await self._clear()

    async def _clear_for_ever(self) -> None:
        while True:
            await self._something_sent.wait()
            await asyncio.sleep(CLEAR_SECONDS)  # gather some: one round trip clears them all
            await self._clear()
            self._publisher.forget()

    async def _clear(self) -> None:
        sent, self._sent = self._sent, {}
        self._something_sent.clear()
        try:
            for name, collection in self._collections.items():
                await collection.update_each(
                    [
                        Update({"_id": key}, _without_up_to(version))
                        for (home, key), version in sent.items()
                        if home == name
                    ]
                )
        except Unavailable as error:
            log.warning("outboxes are not cleared; the sweep does", extra={"error": str(error)})

    async def _sweep_for_ever(self) -> None:
        while True:
            self._sweep_now.clear()
            try:
                while await self._sweep():
                    pass
            except Unavailable as error:
                rarely.warning("outboxes are not swept", error=str(error))
            pause = LEFT_BEHIND_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - replicas apart
            await set_within(self._sweep_now, pause)

    async def _sweep(self) -> bool:
        """Announce a page of what was left behind; whether there may be more."""
        if not self._bus.is_connected:
            return False
        before = clock.now() - timedelta(seconds=LEFT_BEHIND_SECONDS)
        more = False
        for name, collection in self._collections.items():
            page = await collection.find(
                {"outboxSince": {"$lt": before}}, sort=[("outboxSince", 1)], limit=PAGE
            )
            taken = await asyncio.gather(*(self._publish(name, one) for one in page))
            await self._clear()
            more = more or (len(page) == PAGE and all(taken))
        return more


def _without_up_to(version: int) -> list[Document]:
    """The pipeline that removes what was acknowledged, and `outboxSince` with the last of it."""
    waiting = {"$filter": {"input": "$outbox", "cond": {"$gt": ["$$this.version", version]}}}
    empty = {"$eq": [{"$size": "$outbox"}, 0]}
    return [
        {"$set": {"outbox": waiting}},
        {"$set": {"outboxSince": {"$cond": [empty, "$$REMOVE", "$outboxSince"]}}},
    ]
