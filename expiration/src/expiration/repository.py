"""Timers in MongoDB."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common import clock, tracing
from common.gauges import COUNT_LIMIT
from common.mongo import Collection, Database, Document, DuplicateKey, Update
from expiration.domain import TimerState

LEASE = timedelta(seconds=5)
BATCH = 1_000
KEPT_SECONDS = 14 * 24 * 3600
"""How long a timer that is done is kept: longer than the stream could deliver its order again."""

FIRST_DUE = [("fireAt", 1)]


def _free(now: datetime) -> Document:
    """Timers to come or to fire, unless somebody is just about to."""
    return {
        "state": TimerState.SCHEDULED.value,
        "$or": [{"leaseUntil": None}, {"leaseUntil": {"$lt": now}}],
    }


@dataclass(frozen=True)
class Due:
    """A timer that is to be fired; it goes on with the trace in which it was set."""

    fire_at: datetime
    repeats: int
    traceparent: str


def _scheduled(fire_at: datetime) -> Document:
    state = TimerState.SCHEDULED.value
    return {"fireAt": fire_at, "state": state, "traceparent": tracing.here.get()}


def _due(timer: Document) -> Due:
    return Due(timer["fireAt"], timer.get("repeats", 0), timer.get("traceparent", ""))


class TimerRepository:
    """What the expiration service owns."""

    def __init__(self, database: Database) -> None:
        self._timers = database.collection("timers")

    @property
    def outboxes(self) -> Sequence[Collection]:
        """None: a timer is its own durable record of what is still to be announced."""
        return []

    async def prepare(self) -> None:
        """Make the indexes exist: what is due, whose it is, and what can be forgotten."""
        scheduled: Document = {"state": TimerState.SCHEDULED.value}
        await self._timers.ensure_index([("fireAt", 1)], where=scheduled)
        await self._timers.ensure_index([("owner", 1)], where=scheduled)
        await self._timers.ensure_index([("doneAt", 1)], expire_after_seconds=KEPT_SECONDS)

    async def schedule(self, order_id: str, fire_at: datetime) -> None:
        """Set the timer, unless there is one or the order is final already."""
        timer = _scheduled(fire_at)
        await self._timers.apply(Update({"_id": order_id}, {"$setOnInsert": timer}, upsert=True))

    async def schedule_again(self, order_id: str, fire_at: datetime) -> None:
        """Set the timer, whatever became of it: the order lives on, so nobody has heard of it.

        If the order has ended meanwhile, firing once more is in vain and changes nothing.
        """
        again: Document = {
            "$set": _scheduled(fire_at),
            "$inc": {"repeats": 1},
            "$unset": dict.fromkeys(["doneAt", "owner", "leaseUntil"], ""),
        }
        done = {"_id": order_id, "state": {"$ne": TimerState.SCHEDULED.value}}
        if not await self._timers.update(done, again):
            await self.schedule(order_id, fire_at)

    async def cancel(self, order_id: str) -> None:
        """Never fire, not even when the order's creation is heard later."""
        done = {"state": TimerState.CANCELLED.value, "doneAt": clock.now()}
        not_fired = {"_id": order_id, "state": {"$ne": TimerState.FIRED.value}}
        try:
            await self._timers.apply(Update(not_fired, {"$set": done}, upsert=True))
        except DuplicateKey:  # fired already, or scheduled by another replica in this very moment
            await self._timers.update(not_fired, {"$set": done})

    async def next_due(self, now: datetime) -> datetime | None:
        """When the first of all timers that nobody claims is to fire."""
        first = await self._timers.find(_free(now), sort=FIRST_DUE, limit=1)
        return first[0]["fireAt"] if first else None

    async def claim_due(self, now: datetime) -> dict[str, Due]:
        """The orders whose timers this caller is to fire, the longest overdue first.

        They are the caller's for as long as the lease lasts. It only saves work: what makes a
        second firing harmless is the order's status.
        """
        free = {**_free(now), "fireAt": {"$lte": now}}
        due = await self._timers.find(free, sort=FIRST_DUE, limit=BATCH)
        if not due:
            return {}
        owner = secrets.token_hex(8)
        won = await self._timers.update_many(
            {"_id": {"$in": [timer["_id"] for timer in due]}, **free},
            {"$set": {"owner": owner, "leaseUntil": now + LEASE}},
        )
        if won < len(due):  # another replica has some of them
            mine: Document = {"owner": owner, "state": TimerState.SCHEDULED.value}
            due = await self._timers.find(mine, sort=FIRST_DUE, limit=BATCH)
        return {timer["_id"]: _due(timer) for timer in due}

    async def waiting(self, now: datetime) -> tuple[int, int]:
        """How many timers are set, and how many of them are overdue; up to `COUNT_LIMIT`.

        Overdue is what even another replica, after the lease of one that died, should have fired.
        """
        scheduled: Document = {"state": TimerState.SCHEDULED.value}
        overdue = {**scheduled, "fireAt": {"$lte": now - LEASE}}
        count = self._timers.count
        return await count(scheduled, limit=COUNT_LIMIT), await count(overdue, limit=COUNT_LIMIT)

    async def fired(self, order_ids: Iterable[str]) -> None:
        """These are announced."""
        done = {"state": TimerState.FIRED.value, "doneAt": clock.now()}
        scheduled = {"_id": {"$in": list(order_ids)}, "state": TimerState.SCHEDULED.value}
        await self._timers.update_many(scheduled, {"$set": done})
