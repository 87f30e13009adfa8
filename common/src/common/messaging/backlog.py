"""What waits in the outboxes of one collection: what is to be announced next, and what is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common import clock
from common.gauges import COUNT_LIMIT
from common.mongo import Collection, Document, Sort, Update

LEFT_BEHIND = timedelta(seconds=1)
"""Until then whoever wrote a document announces it himself."""

PAGE = 500
SHARE = 100
"""How many events of one document have their turn in a page: others wait behind it."""

LONGEST_PAUSE = timedelta(seconds=30)
FIRST_PAUSE_MS = 31.25
"""Doubled with each refusal, so that the first five pauses are shorter than a sweep: a leader that
is being elected refuses, too."""

IMPOSSIBLE = LONGEST_PAUSE + timedelta(seconds=5)
"""A time that lies ahead by more was stored by another clock, and is over."""


@dataclass(frozen=True)
class Size:
    """How many documents wait to be announced, how many of them because they were refused.

    Each is counted up to `COUNT_LIMIT`; `since` is when the oldest began to wait (UTC).
    """

    waiting: int
    refused: int
    since: datetime | None


@dataclass(frozen=True)
class Page:
    """Documents that have their turn; after the last page nobody is left without one."""

    documents: Sequence[Document] = ()
    is_last: bool = True


class Backlog:
    """Documents in two queues: found by `outboxSince`, and by `outboxRetryAt` what was refused.

    So what nobody takes holds up no other, whichever replica asks, and after a restart, too.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._looked_to: datetime | None = None

    async def left_behind(self) -> Page:
        """What its writers have not announced, the oldest first; pages go round."""
        after = self._looked_to
        found = await self._found("outboxSince", clock.now() - LEFT_BEHIND, after)
        is_full = len(found) == PAGE
        self._looked_to = found[-1]["outboxSince"] if is_full else None
        has_more = any(len(one.get("outbox", [])) == SHARE for one in found)
        return Page(found, is_last=after is None and not is_full and not has_more)

    async def to_be_tried_again(self) -> Page:
        """What was refused and has paused for long enough."""
        return Page(await self._found("outboxRetryAt", clock.now(), None))

    async def _found(self, field: str, before: datetime, after: datetime | None) -> list[Document]:
        bounds: Document = {"$lt": before} | ({"$gt": after} if after else {})
        ahead = {"$gt": max(clock.now() + IMPOSSIBLE, after or before)}
        oldest_first: Sort = [(field, 1)]
        return await self._collection.find(
            {"$or": [{field: bounds}, {field: ahead}]},
            sort=oldest_first,
            limit=PAGE,
            projection={"outbox": {"$slice": SHARE}},
        )

    async def note(self, acknowledged: Mapping[str, int], refused: Mapping[str, int]) -> None:
        """Store what became of documents: up to which version, and which one was refused."""
        updates = [
            Update({"_id": key}, _without_up_to(version)) for key, version in acknowledged.items()
        ]
        moment = clock.now()
        updates += [
            Update({"_id": key, "outbox.version": version}, _set_aside(moment))
            for key, version in refused.items()
        ]
        await self._collection.bulk_update(updates)

    async def size(self) -> Size:
        """How much waits, and since when."""
        queue, since = await self._of("outboxSince")
        refused, refused_since = await self._of("outboxRefusedSince")
        return Size(
            waiting=min(queue + refused, COUNT_LIMIT),
            refused=refused,
            since=min(filter(None, [since, refused_since]), default=None),
        )

    async def _of(self, field: str) -> tuple[int, datetime | None]:
        is_there: Document = {field: {"$exists": True}}
        count = await self._collection.count(is_there, limit=COUNT_LIMIT)
        first = await self._collection.find(
            is_there, sort=[(field, 1)], limit=1, projection={"outbox": 0}
        )
        return count, first[0][field] if first else None


def _without_up_to(version: int) -> list[Document]:
    """The pipeline that removes what was acknowledged, and with the last of it what finds it."""
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
    """The pipeline that moves a document to what was refused, for a pause that grows.

    Replicas that are refused at the same time count once.
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
