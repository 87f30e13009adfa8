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
RETENTION_SECONDS = 14 * 24 * 3600
"""How long a finished timer is kept: longer than the stream could redeliver its order."""

BY_DUE_TIME = [("fireAt", 1)]


def _unclaimed(now: datetime) -> Document:
    """Scheduled timers that no process has leased."""
    return {
        "state": TimerState.SCHEDULED.value,
        "$or": [{"leaseUntil": None}, {"leaseUntil": {"$lt": now}}],
    }


@dataclass(frozen=True)
class DueTimer:
    """A timer to fire; it continues the trace in which it was scheduled."""

    fire_at: datetime
    repeats: int
    traceparent: str


def _scheduled(fire_at: datetime) -> Document:
    state = TimerState.SCHEDULED.value
    return {"fireAt": fire_at, "state": state, "traceparent": tracing.current_traceparent.get()}


def _due(timer: Document) -> DueTimer:
    return DueTimer(timer["fireAt"], timer.get("repeats", 0), timer.get("traceparent", ""))


class TimerRepository:
    """What the expiration service owns."""

    def __init__(self, database: Database) -> None:
        self._timers = database.collection("timers")

    @property
    def outboxes(self) -> Sequence[Collection]:
        """None: a scheduled timer is itself the durable record of the event to publish."""
        return []

    async def prepare(self) -> None:
        """Create the indexes: by due time, by lease owner, and one that deletes old timers."""
        scheduled: Document = {"state": TimerState.SCHEDULED.value}
        await self._timers.ensure_index([("fireAt", 1)], where=scheduled)
        await self._timers.ensure_index([("owner", 1)], where=scheduled)
        await self._timers.ensure_index([("doneAt", 1)], expire_after_seconds=RETENTION_SECONDS)

    async def schedule(self, order_id: str, fire_at: datetime) -> None:
        """Schedule the timer, unless there is one or the order is final already."""
        timer = _scheduled(fire_at)
        await self._timers.update_batched(
            Update({"_id": order_id}, {"$setOnInsert": timer}, upsert=True)
        )

    async def reschedule(self, order_id: str, fire_at: datetime) -> None:
        """Schedule the timer even if it has fired: the order is open, so its expiration was lost.

        If the order is final by now, firing once more changes nothing (idempotent).
        """
        rescheduled: Document = {
            "$set": _scheduled(fire_at),
            "$inc": {"repeats": 1},
            "$unset": dict.fromkeys(["doneAt", "owner", "leaseUntil"], ""),
        }
        done = {"_id": order_id, "state": {"$ne": TimerState.SCHEDULED.value}}
        if not await self._timers.update(done, rescheduled):
            await self.schedule(order_id, fire_at)

    async def cancel(self, order_id: str) -> None:
        """Never fire, not even when the order's creation arrives later."""
        done = {"state": TimerState.CANCELLED.value, "doneAt": clock.now()}
        not_fired = {"_id": order_id, "state": {"$ne": TimerState.FIRED.value}}
        try:
            await self._timers.update_batched(Update(not_fired, {"$set": done}, upsert=True))
        except DuplicateKey:  # fired already, or scheduled by another replica in this very moment
            await self._timers.update(not_fired, {"$set": done})

    async def next_due(self, now: datetime) -> datetime | None:
        """When the first unclaimed timer is due."""
        first = await self._timers.find(_unclaimed(now), sort=BY_DUE_TIME, limit=1)
        return first[0]["fireAt"] if first else None

    async def claim_due(self, now: datetime) -> dict[str, DueTimer]:
        """Lease the due timers to this caller, the longest overdue first.

        The lease only saves work: firing twice is harmless because of the order's status.
        """
        unclaimed = {**_unclaimed(now), "fireAt": {"$lte": now}}
        due = await self._timers.find(unclaimed, sort=BY_DUE_TIME, limit=BATCH)
        if not due:
            return {}
        owner = secrets.token_hex(8)
        claimed = await self._timers.update_many(
            {"_id": {"$in": [timer["_id"] for timer in due]}, **unclaimed},
            {"$set": {"owner": owner, "leaseUntil": now + LEASE}},
        )
        if claimed < len(due):  # another replica has some of them
            own: Document = {"owner": owner, "state": TimerState.SCHEDULED.value}
            due = await self._timers.find(own, sort=BY_DUE_TIME, limit=BATCH)
        return {timer["_id"]: _due(timer) for timer in due}

    async def count_pending(self, now: datetime) -> tuple[int, int]:
        """How many timers are scheduled, and how many of them are overdue; up to `COUNT_LIMIT`.

        Overdue is what another replica should have fired, even after the lease of one that died.
        """
        scheduled: Document = {"state": TimerState.SCHEDULED.value}
        overdue = {**scheduled, "fireAt": {"$lte": now - LEASE}}
        count = self._timers.count
        return await count(scheduled, limit=COUNT_LIMIT), await count(overdue, limit=COUNT_LIMIT)

    async def mark_fired(self, order_ids: Iterable[str]) -> None:
        """Mark timers whose events are published."""
        done = {"state": TimerState.FIRED.value, "doneAt": clock.now()}
        scheduled = {"_id": {"$in": list(order_ids)}, "state": TimerState.SCHEDULED.value}
        await self._timers.update_many(scheduled, {"$set": done})
