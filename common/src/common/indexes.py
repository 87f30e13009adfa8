"""Makes indexes exist, however long that takes, and says what stands in the way of one."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pymongo
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from common.errors import Refused, Unavailable
from common.mongo_errors import ServerState, words_of
from common.updates import Document

Sort = Sequence[tuple[str, int]]
Command = Callable[[Document], Awaitable[Document]]

REPORT_SECONDS = 10.0
"""How often a build that goes on is told of."""

CONFLICTS = {85, 86}
"""There is an index of these keys, or of this name, and it is another one."""

OPTIONS = ("unique", "sparse", "partialFilterExpression", "collation", "expireAfterSeconds")
"""What makes an index another one, besides its keys."""

EXPIRY = "expireAfterSeconds"

log = logging.getLogger(__name__)


def unhurried() -> AbstractContextManager[None]:
    """What is asked for in this block may take as long as it takes: an index, a migration.

    A server that is away is waited for no longer than at other times.
    """
    return pymongo.timeout(0)


@dataclass(frozen=True)
class Index:
    """An index as we want it; `where` makes it partial, `expire_after_seconds` forgets."""

    keys: Sort
    unique: bool = False
    where: Document | None = None
    expire_after_seconds: int | None = None

    @property
    def name(self) -> str:
        """As MongoDB's drivers and its shell name it."""
        return "_".join(f"{field}_{direction}" for field, direction in self.keys)

    @property
    def specification(self) -> Document:
        """As MongoDB is asked for it."""
        asked = {
            "key": dict(self.keys),
            "name": self.name,
            "unique": self.unique,
            "partialFilterExpression": self.where,
            EXPIRY: self.expire_after_seconds,
        }
        return {name: it for name, it in asked.items() if it is not None and it is not False}


class Indexes:
    """The indexes of one database, made one after the other."""

    def __init__(self, database: str, command: Command, ask_server: Command) -> None:
        self._database, self._command, self._ask_server = database, command, ask_server
        self.building = ""
        """Which index is being built, and how far that is; empty when none is."""

    async def ensure(self, collection: str, index: Index) -> None:
        """Make it exist; raises Unavailable, or Refused when something is in the way.

        If another replica, or a person, is building it, theirs is waited for. Where only the
        expiry differs, ours counts.
        """
        with _told(collection, index):
            try:
                await self._build(collection, index.specification)
            except OperationFailure as error:
                if error.code not in CONFLICTS:
                    raise
                await self._settle(collection, index)

    async def _build(self, collection: str, specification: Document) -> None:
        asked: Document = {"createIndexes": collection, "indexes": [specification]}
        what = self.building = f"building index {specification['name']} of {collection}"
        reporting = asyncio.create_task(self._report(what, f"{self._database}.{collection}"))
        try:
            await self._command({**asked, "writeConcern": {"w": "majority"}})
        finally:
            reporting.cancel()
            self.building = ""

    async def _report(self, what: str, namespace: str) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            progress = await self._progress(namespace)
            said = {"seconds": round(time.monotonic() - began), "progress": progress}
            log.info(what, extra={name: value for name, value in said.items() if value})
            self.building = f"{what} for {said['seconds']} s {progress}".rstrip()

    async def _progress(self, namespace: str) -> str:
        """In MongoDB's words; nothing where it lets us see our own operations only."""
        builds = {"ns": namespace, "msg": {"$regex": "^Index Build"}}
        pipeline = [{"$currentOp": {"allUsers": True}}, {"$match": builds}]
        try:
            with pymongo.timeout(REPORT_SECONDS):
                answer = await self._ask_server(
                    {"aggregate": 1, "pipeline": pipeline, "cursor": {}}
                )
        except PyMongoError:
            return ""
        return ", ".join(each["msg"] for each in answer["cursor"]["firstBatch"])

    async def _settle(self, collection: str, index: Index) -> None:
        """There is one that differs from ours: use it, change it, or say what is to be done."""
        answer = await self._command({"listIndexes": collection, "cursor": {}})
        rivals = [each for each in answer["cursor"]["firstBatch"] if _is_rival(each, index)]
        for theirs in rivals:
            if _differences(theirs, index) == {EXPIRY} and index.expire_after_seconds is not None:
                return await self._set_expiry(collection, theirs["name"], index)
            if _does_as_well(theirs, index):
                said = {"collection": collection, "index": str(_shown(theirs))}
                log.info("an index is used that we would make otherwise", extra=said)
                return await self._build(collection, theirs)  # which waits until it is there
        there = " and ".join(str(_shown(theirs)) for theirs in rivals)
        raise Refused(
            f"an index of {collection} is in the way: there is {there}, and we need"
            f" {index.specification}; drop what is there, then ours is built"
        )

    async def _set_expiry(self, collection: str, name: str, index: Index) -> None:
        seconds = index.expire_after_seconds
        said = {"collection": collection, "index": name, "seconds": seconds}
        log.warning("the expiry of an index is set back to ours", extra=said)
        changed = {"name": name, EXPIRY: seconds}
        try:
            await self._command({"collMod": collection, "index": changed})
        except OperationFailure as refusal:
            if refusal.code != ServerState.UNAUTHORIZED:  # `readWrite` may not change, but replace
                raise
            await self._command({"dropIndexes": collection, "index": name})
            await self._build(collection, index.specification)


@contextmanager
def _told(collection: str, index: Index) -> Iterator[None]:
    """What MongoDB refuses is no defect of ours: it is quoted, and tried again."""
    try:
        yield
    except DuplicateKeyError as error:  # it quotes the values, which may be personal
        fields = ", ".join(field for field, _ in index.keys)
        raise Refused(
            f"the unique index {index.name} of {collection} cannot be built: documents have the"
            f" same {fields}; mend them, then it is tried again"
        ) from error
    except PyMongoError as error:
        raise Unavailable(words_of(error)) from error


def _is_rival(theirs: Document, index: Index) -> bool:
    return theirs["name"] == index.name or "key" not in _differences(theirs, index)


def _differences(theirs: Document, index: Index) -> set[str]:
    """In what an index differs from ours, in MongoDB's words."""
    ours = index.specification
    found = {name for name in OPTIONS if _value(theirs, name) != _value(ours, name)}
    return found if list(theirs["key"].items()) == list(index.keys) else {*found, "key"}


def _value(specification: Document, name: str) -> object:
    return None if specification.get(name) is False else specification.get(name)


def _does_as_well(theirs: Document, index: Index) -> bool:
    """Whether it is the same by another name, or holds more documents than we ask for.

    An index that lacks some would make a hinted query find too little.
    """
    differences = _differences(theirs, index)
    return not differences or (
        differences == {"partialFilterExpression"}
        and "partialFilterExpression" not in theirs
        and not index.unique
    )


def _shown(theirs: Document) -> Document:
    return {name: theirs[name] for name in ("name", "key", *OPTIONS) if name in theirs}
