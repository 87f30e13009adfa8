"""The runs of `republish` that are asked for and under way, kept so that a crash ends none."""

from contextlib import suppress
from dataclasses import dataclass

from common import clock
from common.contracts.ids import new_id
from common.contracts.questions import RepublishRun
from common.mongo import Database, Document, DuplicateKey

LEASE_SECONDS = 20
"""How long whoever is at it may be silent before somebody else goes on."""

RUNS: Document = {"_id": "runs"}


def _known(field: str, otherwise: object) -> Document:
    return {"$ifNull": [f"${field}", otherwise]}


_IS_UNDER_WAY: Document = {
    "$and": [{"$eq": [_known("wanted", 0), {"$add": [_known("done", 0), 1]}]}, _known("begun", 0)]
}
_NEXT: Document = {
    "$cond": [
        {"$or": [_IS_UNDER_WAY, {"$eq": [_known("wanted", 0), _known("done", 0)]}]},
        {"$add": [_known("wanted", 0), 1]},
        _known("wanted", 0),
    ]
}
"""The number of the first run that has not begun: the one that waits already, if there is one."""


@dataclass(frozen=True)
class Run:
    """A run that this process is at, and after which id it goes on."""

    number: int
    owner: str
    key: str
    """Makes its messages different from those of all other runs."""
    cursor: str
    count: int


class Runs:
    """Numbered 1, 2, 3 ..., one at a time. Times are compared by MongoDB's clock alone.

    Every method raises Unavailable when MongoDB does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._runs = database.collection("republish")

    async def state_of(self, asked: RepublishRun) -> RepublishRun:
        """The run of that number; a new one for who names none, or one that nobody remembers."""
        known = await self._runs.find_one(RUNS) or {}
        if asked.number is not None and asked.number <= known.get("wanted", 0):
            return RepublishRun(number=asked.number, done=asked.number <= known.get("done", 0))
        return RepublishRun(number=await self._ask())

    async def _ask(self) -> int:
        change: list[Document] = [{"$set": {"wanted": _NEXT, "done": _known("done", 0)}}]
        while True:
            with suppress(DuplicateKey):  # somebody else inserts it in this very moment
                if changed := await self._runs.find_one_and_update(RUNS, change, upsert=True):
                    return int(changed["wanted"])

    async def claim(self) -> Run | None:
        """The run that is wanted next, or that somebody has left; None when there is none."""
        owner, key = new_id(), new_id()
        is_free = {"$lt": [_known("leaseUntil", clock.EPOCH), "$$NOW"]}
        wanted = {**RUNS, "$expr": {"$and": [{"$gt": ["$wanted", "$done"]}, is_free]}}
        begun = {
            "begun": True,
            "owner": owner,
            "key": {"$cond": [_known("begun", 0), "$key", key]},
            "cursor": {"$cond": [_known("begun", 0), "$cursor", ""]},
            "count": {"$cond": [_known("begun", 0), "$count", 0]},
            **_lease(),
        }
        run = await self._runs.find_one_and_update(wanted, [{"$set": begun}])
        if run is None:
            return None
        return Run(run["done"] + 1, owner, run["key"], run["cursor"], run["count"])

    async def advance(self, run: Run) -> bool:
        """All up to its cursor was said; whether the run is still ours."""
        change = {"cursor": run.cursor, "count": run.count, **_lease()}
        return await self._runs.update({**RUNS, "owner": run.owner}, [{"$set": change}])

    async def finish(self, run: Run) -> None:
        """Everything was said."""
        change: Document = {
            "$set": {"done": run.number, "begun": False},
            "$unset": dict.fromkeys(["owner", "leaseUntil"], ""),
        }
        await self._runs.update({**RUNS, "owner": run.owner}, change)

    async def leave(self, run: Run) -> None:
        """Somebody else may go on at once."""
        await self._runs.update({**RUNS, "owner": run.owner}, {"$unset": {"leaseUntil": ""}})


def _lease() -> Document:
    return {"leaseUntil": {"$add": ["$$NOW", 1000 * LEASE_SECONDS]}}
