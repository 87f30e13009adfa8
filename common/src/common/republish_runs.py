"""The runs of `republish`, requested and under way; stored, so that they survive a crash."""

from contextlib import suppress
from dataclasses import dataclass

from common import clock
from common.contracts.ids import new_id
from common.contracts.requests import RepublishRun
from common.mongo import Database, Document, DuplicateKey

LEASE_SECONDS = 20
"""How long a lease lasts that is not renewed; then another replica takes over."""

RUNS: Document = {"_id": "runs"}


def _if_null(field: str, otherwise: object) -> Document:
    return {"$ifNull": [f"${field}", otherwise]}


_IS_UNDER_WAY: Document = {
    "$and": [
        {"$eq": [_if_null("wanted", 0), {"$add": [_if_null("done", 0), 1]}]},
        _if_null("begun", 0),
    ]
}
_NEXT: Document = {
    "$cond": [
        {"$or": [_IS_UNDER_WAY, {"$eq": [_if_null("wanted", 0), _if_null("done", 0)]}]},
        {"$add": [_if_null("wanted", 0), 1]},
        _if_null("wanted", 0),
    ]
}
"""The number of the first run that has not begun: the one that is queued already, if any."""


@dataclass(frozen=True)
class Run:
    """A run that this process has leased; `cursor` is the id after which it continues."""

    number: int
    owner: str
    key: str
    """Makes its message ids different from those of all other runs."""
    cursor: str
    count: int


class Runs:
    """Numbered 1, 2, 3 ..., one at a time. Times are compared by MongoDB's clock alone.

    Every method raises Unavailable when MongoDB does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._runs = database.collection("republish")

    async def state_of(self, requested: RepublishRun) -> RepublishRun:
        """The run of that number; a new one if there is no number, or it is unknown."""
        known = await self._runs.find_one(RUNS) or {}
        if requested.number is not None and requested.number <= known.get("wanted", 0):
            return RepublishRun(
                number=requested.number, done=requested.number <= known.get("done", 0)
            )
        return RepublishRun(number=await self._request())

    async def _request(self) -> int:
        change: list[Document] = [{"$set": {"wanted": _NEXT, "done": _if_null("done", 0)}}]
        while True:
            with suppress(DuplicateKey):  # another replica inserts it at the same moment
                if changed := await self._runs.find_one_and_update(RUNS, change, upsert=True):
                    return int(changed["wanted"])

    async def claim(self) -> Run | None:
        """Lease the next run, or one whose lease has expired; None when there is none."""
        owner, key = new_id(), new_id()
        is_free = {"$lt": [_if_null("leaseUntil", clock.EPOCH), "$$NOW"]}
        wanted = {**RUNS, "$expr": {"$and": [{"$gt": ["$wanted", "$done"]}, is_free]}}
        begun = {
            "begun": True,
            "owner": owner,
            "key": {"$cond": [_if_null("begun", 0), "$key", key]},
            "cursor": {"$cond": [_if_null("begun", 0), "$cursor", ""]},
            "count": {"$cond": [_if_null("begun", 0), "$count", 0]},
            **_lease(),
        }
        run = await self._runs.find_one_and_update(wanted, [{"$set": begun}])
        if run is None:
            return None
        return Run(run["done"] + 1, owner, run["key"], run["cursor"], run["count"])

    async def advance(self, run: Run) -> bool:
        """Store the cursor and renew the lease; whether the run is still ours."""
        change = {"cursor": run.cursor, "count": run.count, **_lease()}
        return await self._runs.update({**RUNS, "owner": run.owner}, [{"$set": change}])

    async def finish(self, run: Run) -> None:
        """Mark the run as done."""
        change: Document = {
            "$set": {"done": run.number, "begun": False},
            "$unset": dict.fromkeys(["owner", "leaseUntil"], ""),
        }
        await self._runs.update({**RUNS, "owner": run.owner}, change)

    async def release(self, run: Run) -> None:
        """Give up the lease, so that another replica may continue at once."""
        await self._runs.update({**RUNS, "owner": run.owner}, {"$unset": {"leaseUntil": ""}})


def _lease() -> Document:
    return {"leaseUntil": {"$add": ["$$NOW", 1000 * LEASE_SECONDS]}}
