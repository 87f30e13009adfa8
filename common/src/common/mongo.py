"""The one home of MongoDB's driver: connection, collections and indexes."""

from collections.abc import Callable, Iterable, Sequence

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError

from common.batch_loader import BatchLoader
from common.indexes import Index, Indexes
from common.indexes import Sort as Sort
from common.mongo_errors import DuplicateKey as DuplicateKey
from common.mongo_errors import mongo_errors
from common.primary_clock import PrimaryClock
from common.updates import BulkResult, from_bulk_error
from common.updates import Document as Document
from common.updates import Update as Update

ANSWER_MS = 5_000
"""How long one operation may take, retries included."""

SELECT_MS = 2_000
"""How long to look for a primary before giving up."""

LEAVE_SECONDS = 0.3
"""How long closing the client may take."""


class Collection:
    """The operations we use, without the driver's types; all raise Unavailable."""

    def __init__(
        self, motor: "AsyncIOMotorCollection[Document]", name: str, indexes: Indexes
    ) -> None:
        self._motor = motor
        self._indexes = indexes
        self.name = name
        self._get_loader = BatchLoader(self._get_batch)
        self._update_loader = BatchLoader(self._update_batch)

    async def insert(self, document: Document) -> None:
        """Store a new document; raises DuplicateKey."""
        with mongo_errors():
            await self._motor.insert_one(document)

    async def find_one(self, query: Document) -> Document | None:
        """The first match."""
        with mongo_errors():
            return await self._motor.find_one(query)

    async def find(
        self,
        query: Document,
        *,
        sort: Sort,
        limit: int,
        skip: int = 0,
        hint: Sort = (),
        projection: Document | None = None,
    ) -> list[Document]:
        """The first `limit` matches after those to skip; `hint` names the index to use."""
        with mongo_errors():
            cursor = self._motor.find(query, projection).sort(list(sort))
            return await cursor.hint(list(hint) or None).skip(skip).limit(limit).to_list(limit)

    async def get(self, key: str) -> Document | None:
        """The document with this id; concurrent calls are batched."""
        return await self._get_loader.load(key)

    async def _get_batch(self, keys: Sequence[str]) -> Sequence[Document | None]:
        if len(keys) == 1:
            return [await self.find_one({"_id": keys[0]})]
        return list(map((await self.get_many(keys)).get, keys))

    async def get_many(self, keys: Iterable[str]) -> dict[str, Document]:
        """The existing documents with these ids, in one round trip."""
        wanted = list(keys)
        with mongo_errors():
            cursor = self._motor.find({"_id": {"$in": wanted}}, batch_size=len(wanted) + 1)
            return {found["_id"]: found for found in await cursor.to_list(None)}

    async def count(self, query: Document, *, limit: int) -> int:
        """How many match, counted up to `limit`."""
        with mongo_errors():
            return await self._motor.count_documents(query, limit=limit)

    async def update(
        self, query: Document, change: Document | list[Document], *, upsert: bool = False
    ) -> bool:
        """Update the first match, or insert; whether there was a match. Raises DuplicateKey."""
        with mongo_errors():
            return (await self._motor.update_one(query, change, upsert=upsert)).matched_count > 0

    async def update_many(self, query: Document, change: Document) -> int:
        """Update all matches; how many there were."""
        with mongo_errors():
            return (await self._motor.update_many(query, change)).matched_count

    async def update_batched(self, update: Update) -> None:
        """Update a document; concurrent calls are batched. Raises DuplicateKey.

        Does not say whether there was a match, unless it upserts.
        """
        await self._update_loader.load(update)

    async def _update_batch(self, updates: Sequence[Update]) -> Sequence[Exception | None]:
        return list(map((await self.bulk_update(updates)).failed.get, range(len(updates))))

    async def bulk_update(self, updates: Sequence[Update]) -> BulkResult:
        """Make many updates in one round trip, unordered; a failed one does not stop the rest."""
        if not updates:
            return BulkResult(0, {})
        operations = [update.to_pymongo() for update in updates]
        with mongo_errors():
            try:
                result = await self._motor.bulk_write(operations, ordered=False)
            except BulkWriteError as error:
                return from_bulk_error(error)
        return BulkResult(result.matched_count + result.upserted_count, {})

    async def find_one_and_update(
        self,
        query: Document,
        change: Document | list[Document],
        *,
        sort: Sort | None = None,
        upsert: bool = False,
        fields: Sequence[str] = (),
    ) -> Document | None:
        """Update the first match and return it afterwards, or only some of its fields."""
        with mongo_errors():
            changed: Document | None = await self._motor.find_one_and_update(
                query,
                change,
                projection=dict.fromkeys(fields, 1) or None,
                sort=list(sort) if sort else None,
                upsert=upsert,
                return_document=ReturnDocument.AFTER,
            )
        return changed

    async def delete(self, query: Document) -> None:
        """Delete the first match."""
        with mongo_errors():
            await self._motor.delete_one(query)

    async def ensure_index(
        self,
        keys: Sort,
        *,
        unique: bool = False,
        where: Document | None = None,
        expire_after_seconds: int | None = None,
    ) -> None:
        """Create an index, however long that takes; `where` makes it partial.

        Raises Refused when the documents, or an existing index, conflict with it.
        """
        await self._indexes.ensure(self.name, Index(keys, unique, where, expire_after_seconds))


class Database:
    """One service's database.

    What is read is committed by a majority, and what is acknowledged, too: an update that has
    nothing to change is acknowledged when what it found is. So no election takes any of it back.
    """

    def __init__(self, uri: str) -> None:
        self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            uri,
            tz_aware=True,
            w="majority",
            journal=True,
            readConcernLevel="majority",
            serverSelectionTimeoutMS=SELECT_MS,
            timeoutMS=ANSWER_MS,
            event_listeners=[PrimaryClock()],
        )
        self._database = self._client.get_default_database()
        commands = (self._database.command, self._client.admin.command)
        self.indexes = Indexes(self._database.name, *commands)
        self.publish_soon: Callable[[str, Document], None] = lambda _collection, _document: None
        """Called with each document that was just written with an entry in its outbox."""

    def collection(self, name: str) -> Collection:
        """A collection by its name."""
        return Collection(self._database[name], name, self.indexes)

    async def ping(self, seconds: float) -> None:
        """Raises Unavailable when a read does not succeed within so many seconds."""
        with mongo_errors(), pymongo.timeout(seconds):  # the command `ping` asks for no permission
            await self._database["ping"].find_one()

    def close(self) -> None:
        """Close the client; a server that does not answer must not hold us up."""
        with pymongo.timeout(LEAVE_SECONDS):
            self._client.close()
