"""Creates indexes, however long that takes, and reports conflicts with existing ones."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pymongo
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from common.errors import Refused, Unavailable
from common.mongo_errors import ServerState, describe
from common.updates import Document

Sort = Sequence[tuple[str, int]]
Command = Callable[[Document], Awaitable[Document]]

REPORT_SECONDS = 10.0
"""How often the progress of a build is logged."""

CONFLICTS = {85, 86}
"""Another index with these keys, or with this name, exists."""

OPTIONS = ("unique", "sparse", "partialFilterExpression", "collation", "expireAfterSeconds")
"""The options that make an index a different one, besides its keys."""

EXPIRY = "expireAfterSeconds"

log = logging.getLogger(__name__)


def no_timeout() -> AbstractContextManager[None]:
    """Operations in this block have no timeout: for index builds and migrations.

    Server selection keeps its own.
    """
    return pymongo.timeout(0)


@dataclass(frozen=True)
class Index:
    """An index as declared; `where` makes it partial, `expire_after_seconds` a TTL index."""

    keys: Sort
    unique: bool = False
    where: Document | None = None
    expire_after_seconds: int | None = None

    @property
    def name(self) -> str:
        """The name that MongoDB's drivers and its shell give it."""
        return "_".join(f"{field}_{direction}" for field, direction in self.keys)

    @property
    def specification(self) -> Document:
        """The specification for MongoDB's `createIndexes`."""
        asked = {
            "key": dict(self.keys),
            "name": self.name,
            "unique": self.unique,
            "partialFilterExpression": self.where,
            EXPIRY: self.expire_after_seconds,
        }
        return {name: it for name, it in asked.items() if it is not None and it is not False}


class Indexes:
    """The indexes of one database, created one after the other."""

    def __init__(self, database: str, command: Command, admin_command: Command) -> None:
        self._database, self._command, self._admin_command = database, command, admin_command
        self.building = ""
        """The index that is being built, and its progress; empty when there is none."""

    async def ensure(self, collection: str, index: Index) -> None:
        """Create the index; raises Unavailable, or Refused when there is a conflict.

        A build that is under way elsewhere is waited for. Where only the expiry differs, it is set
        to ours.
        """
        with _index_errors(collection, index):
            try:
                await self._build(collection, index.specification)
            except OperationFailure as error:
                if error.code not in CONFLICTS:
                    raise
                await self._resolve_conflict(collection, index)

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
        """MongoDB's progress message; empty where we may see our own operations only."""
        builds = {"ns": namespace, "msg": {"$regex": "^Index Build"}}
        pipeline = [{"$currentOp": {"allUsers": True}}, {"$match": builds}]
        try:
            with pymongo.timeout(REPORT_SECONDS):
                answer = await self._admin_command(
                    {"aggregate": 1, "pipeline": pipeline, "cursor": {}}
                )
        except PyMongoError:
            return ""
        return ", ".join(each["msg"] for each in answer["cursor"]["firstBatch"])

    async def _resolve_conflict(self, collection: str, index: Index) -> None:
        """An index that differs from ours exists: use it, change it, or raise Refused."""
        answer = await self._command({"listIndexes": collection, "cursor": {}})
        conflicting = [each for each in answer["cursor"]["firstBatch"] if _conflicts(each, index)]
        for existing in conflicting:
            if _differences(existing, index) == {EXPIRY} and index.expire_after_seconds is not None:
                return await self._set_expiry(collection, existing["name"], index)
            if _is_compatible(existing, index):
                said = {"collection": collection, "index": str(_summary(existing))}
                log.info("an index is used that we would make otherwise", extra=said)
                return await self._build(collection, existing)  # returns when it is complete
        there = " and ".join(str(_summary(existing)) for existing in conflicting)
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
def _index_errors(collection: str, index: Index) -> Iterator[None]:
    """Translates the driver's errors: none is a defect of ours, and all are retried."""
    try:
        yield
    except DuplicateKeyError as error:  # it quotes the values, which may be personal
        fields = ", ".join(field for field, _ in index.keys)
        raise Refused(
            f"the unique index {index.name} of {collection} cannot be built: documents have the"
            f" same {fields}; mend them, then it is tried again"
        ) from error
    except PyMongoError as error:
        raise Unavailable(describe(error)) from error


def _conflicts(existing: Document, index: Index) -> bool:
    return existing["name"] == index.name or "key" not in _differences(existing, index)


def _differences(existing: Document, index: Index) -> set[str]:
    """The options in which an existing index differs from ours, as MongoDB names them."""
    ours = index.specification
    found = {name for name in OPTIONS if _value(existing, name) != _value(ours, name)}
    return found if list(existing["key"].items()) == list(index.keys) else {*found, "key"}


def _value(specification: Document, name: str) -> object:
    return None if specification.get(name) is False else specification.get(name)


def _is_compatible(existing: Document, index: Index) -> bool:
    """Whether it is the same with another name, or covers more documents than ours.

    An index that covers fewer would make a hinted query miss documents.
    """
    differences = _differences(existing, index)
    return not differences or (
        differences == {"partialFilterExpression"}
        and "partialFilterExpression" not in existing
        and not index.unique
    )


def _summary(existing: Document) -> Document:
    return {name: existing[name] for name in ("name", "key", *OPTIONS) if name in existing}
