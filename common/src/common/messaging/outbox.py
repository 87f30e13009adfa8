"""Announces what was written: at once, and by a sweep for what a crash or an outage left behind."""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from common.aggregates import outbox_of
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.envelope import send
from common.mongo import Collection, Document, Update
from common.waiting import set_within

LEFT_BEHIND_SECONDS = 1.0
PAGE = 500
CLEAR_SECONDS = 0.02
MOST_COUNTED = 100_000
"""A look at a backlog must not cost more the worse it gets."""

log = logging.getLogger(__name__)

Sent = tuple[Collection, str, int]
"""Up to which version the outbox of which document has been acknowledged."""


class Outbox:
    """Publishes the outboxes of some collections and clears them after the acknowledgements.

    Version n+1 of an aggregate is published after the acknowledgement of n; different aggregates
    go side by side. Whoever publishes, writer or sweep of any replica, sends the same message id.
    """

    def __init__(self, bus: Bus, service: str, collections: Sequence[Collection]) -> None:
        self._bus, self._service = bus, service
        self._collections = {collection.name: collection for collection in collections}
        self._deliveries: set[asyncio.Task[None]] = set()
        self._sent: list[Sent] = []
        self._something_sent = asyncio.Event()
        self._sweep_now = asyncio.Event()

    def announce(self, collection: str, document: Document) -> None:
        """Publish soon what a document that was just written has to say."""
        if not document.get("outbox") or not self._bus.is_connected:
            return  # the sweep finds it when the bus is back
        task = asyncio.create_task(self._announce(self._collections[collection], document))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _announce(self, collection: Collection, document: Document) -> None:
        if sent := await self._publish(collection, document):
            self._sent.append(sent)
            self._something_sent.set()

    async def _publish(self, collection: Collection, document: Document) -> Sent | None:
        version: int | None = None
        try:
            for announcement in outbox_of(document):
                await send(self._bus, announcement, self._service)
                version = announcement.version
        except Unavailable as error:
            log.warning("event waits in the outbox", extra={"error": str(error)})
        return None if version is None else (collection, document["_id"], version)

    async def sweep_soon(self) -> None:
        """Do not wait for the next sweep: the bus is back."""
        self._sweep_now.set()

    async def run(self) -> None:
        """Clear and sweep until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._clear_for_ever())
            tasks.create_task(self._sweep_for_ever())

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
        if self._deliveries:
            await asyncio.wait(set(self._deliveries), timeout=seconds)
        await self._clear()

    async def _clear_for_ever(self) -> None:
        while True:
            await self._something_sent.wait()
            await asyncio.sleep(CLEAR_SECONDS)  # gather some: one round trip clears them all
            await self._clear()

    async def _clear(self) -> None:
        sent, self._sent = self._sent, []
        in_order = sorted(sent, key=itemgetter(2))
        self._something_sent.clear()
        try:
            for collection in self._collections.values():
                last = {key: version for home, key, version in in_order if home is collection}
                await collection.update_each(
                    [Update({"_id": key}, _without_up_to(each)) for key, each in last.items()]
                )
        except Unavailable:
            log.warning("outboxes are not cleared; the sweep announces them again")

    async def _sweep_for_ever(self) -> None:
        while True:
            self._sweep_now.clear()
            try:
                while await self._sweep():
                    pass
            except Unavailable as error:
                log.warning("outboxes are not swept", extra={"error": str(error)})
            pause = LEFT_BEHIND_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - replicas apart
            await set_within(self._sweep_now, pause)

    async def _sweep(self) -> bool:
        """Announce a page of what was left behind; whether there may be more."""
        if not self._bus.is_connected:
            return False
        before = datetime.now(UTC) - timedelta(seconds=LEFT_BEHIND_SECONDS)
        more = False
        for collection in self._collections.values():
            page = await collection.find(
                {"outboxSince": {"$lt": before}}, sort=[("outboxSince", 1)], limit=PAGE
            )
            sent = await asyncio.gather(*(self._publish(collection, one) for one in page))
            self._sent += [one for one in sent if one]
            await self._clear()
            more = more or (len(page) == PAGE and all(sent))
        return more


def _without_up_to(version: int) -> list[Document]:
    """The pipeline that removes what was acknowledged, and `outboxSince` with the last of it."""
    waiting = {"$filter": {"input": "$outbox", "cond": {"$gt": ["$$this.version", version]}}}
    empty = {"$eq": [{"$size": "$outbox"}, 0]}
    return [
        {"$set": {"outbox": waiting}},
        {"$set": {"outboxSince": {"$cond": [empty, "$$REMOVE", "$outboxSince"]}}},
    ]
