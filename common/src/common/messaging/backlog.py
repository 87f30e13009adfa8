"""The backlog of the outboxes of one collection: what to publish next, and what was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common import clock
from common.gauges import COUNT_LIMIT
from common.mongo import Collection, Document, Sort, Update

SWEEP_AFTER = timedelta(seconds=1)
"""Until then the writer of a document publishes its outbox itself."""

BATCH_SIZE = 500
MAX_ENTRIES = 100
"""How many events of one document a batch holds: other documents wait behind it."""

LONGEST_PAUSE = timedelta(seconds=30)
FIRST_PAUSE_MS = 31.25
"""Doubled with each refusal; the first five pauses are shorter than a sweep, as NATS also refuses
while it elects a leader."""

MAX_CLOCK_SKEW = LONGEST_PAUSE + timedelta(seconds=5)
"""A time that is further in the future was stored by a wrong clock, and counts as past."""


@dataclass(frozen=True)
class BacklogSize:
    """How many documents have a pending outbox, and how many of them were refused.

    Each is counted up to `COUNT_LIMIT`; `since` is when the oldest began to wait (UTC).
    """

    waiting: int
    refused: int
    since: datetime | None


@dataclass(frozen=True)
class Batch:
    """The documents to publish next; after the last batch all have had their turn."""

    documents: Sequence[Document] = ()
    is_last: bool = True


class Backlog:
    """Two queues of documents: by `outboxSince`, and by `outboxRetryAt` those that were refused.

    So a refused event does not block others, whichever replica publishes, and after a restart, too.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._cursor: datetime | None = None

    async def unpublished(self) -> Batch:
        """What its writers have not published, the oldest first; batches go round."""
        after = self._cursor
        found = await self._found("outboxSince", clock.now() - SWEEP_AFTER, after)
        is_full = len(found) == BATCH_SIZE
        self._cursor = found[-1]["outboxSince"] if is_full else None
        has_more = any(len(one.get("outbox", [])) == MAX_ENTRIES for one in found)
        return Batch(found, is_last=after is None and not is_full and not has_more)

    async def due_for_retry(self) -> Batch:
        """What was refused and whose backoff is over."""
        return Batch(await self._found("outboxRetryAt", clock.now(), None))

    async def _found(self, field: str, before: datetime, after: datetime | None) -> list[Document]:
        bounds: Document = {"$lt": before} | ({"$gt": after} if after else {})
        ahead = {"$gt": max(clock.now() + MAX_CLOCK_SKEW, after or before)}
        oldest_first: Sort = [(field, 1)]
        return await self._collection.find(
            {"$or": [{field: bounds}, {field: ahead}]},
            sort=oldest_first,
            limit=BATCH_SIZE,
            projection={"outbox": {"$slice": MAX_ENTRIES}},
        )

    async def record(self, acknowledged: Mapping[str, int], refused: Mapping[str, int]) -> None:
        """Store up to which versions documents were acknowledged, and which were refused."""
        updates = [
            Update({"_id": key}, _remove_up_to(version)) for key, version in acknowledged.items()
        ]
        moment = clock.now()
        updates += [
            Update({"_id": key, "outbox.version": version}, _set_aside(moment))
            for key, version in refused.items()
        ]
        await self._collection.bulk_update(updates)

    async def size(self) -> BacklogSize:
        """The size of the backlog, and the age of the oldest entry."""
        queue, since = await self._size_by("outboxSince")
        refused, refused_since = await self._size_by("outboxRefusedSince")
        return BacklogSize(
            waiting=min(queue + refused, COUNT_LIMIT),
            refused=refused,
            since=min(filter(None, [since, refused_since]), default=None),
        )

    async def _size_by(self, field: str) -> tuple[int, datetime | None]:
        is_there: Document = {field: {"$exists": True}}
        count = await self._collection.count(is_there, limit=COUNT_LIMIT)
        first = await self._collection.find(
            is_there, sort=[(field, 1)], limit=1, projection={"outbox": 0}
        )
        return count, first[0][field] if first else None


def _remove_up_to(version: int) -> list[Document]:
    """The pipeline that removes acknowledged entries, and with the last one the indexed fields."""
    waiting = {"$filter": {"input": "$outbox", "cond": {"$gt": ["$$this.version", version]}}}
    empty = {"$eq": [{"$size": "$outbox"}, 0]}
    return [
        {"$set": {"outbox": waiting}},
        {
            "$set": {
                name: {"$cond": [empty, "$$REMOVE", f"${name}"]}
                for name in ("outboxSince", "outboxRefusedSince", "outboxRetryAt", "outboxRefusals")
            }
        },
    ]


def _set_aside(moment: datetime) -> list[Document]:
    """The pipeline that moves a document to the refused ones, with exponential backoff.

    Concurrent refusals of several replicas count once.
    """
    is_due = {"$lte": [{"$ifNull": ["$outboxRetryAt", moment]}, moment]}
    since = ["$outboxRefusedSince", "$outboxSince", moment]
    so_far = {"$ifNull": ["$outboxRefusals", 0]}
    pause = {"$multiply": [FIRST_PAUSE_MS, {"$pow": [2, "$outboxRefusals"]}]}
    longest = LONGEST_PAUSE / timedelta(milliseconds=1)
    return [
        {"$set": {"outboxRefusals": {"$add": [so_far, {"$cond": [is_due, 1, 0]}]}}},
        {"$set": {"outboxRefusedSince": {"$ifNull": since}}},
        {"$set": {"outboxRetryAt": {"$add": [moment, {"$min": [pause, longest]}]}}},
        {"$unset": "outboxSince"},
    ]
