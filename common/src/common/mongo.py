"""The one home of MongoDB's driver: connection, indexes, collections, and what can go wrong."""

from collections.abc import Callable, Iterable, Sequence

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError

from common.indexes import Index, Indexes
from common.indexes import Sort as Sort
from common.mongo_errors import DuplicateKey as DuplicateKey
from common.mongo_errors import translated
from common.primary_clock import PrimaryClock
from common.together import Together
from common.updates import Document as Document
from common.updates import Update as Update
from common.updates import Updated, partly_failed

ANSWER_MS = 5_000
"""How long one operation may take, retries included."""

SELECT_MS = 2_000
"""How long to look for a primary before saying that there is none."""

LEAVE_SECONDS = 0.3
"""How long to say goodbye."""


class Collection:
    """The operations we use, in no driver's types; all raise Unavailable if MongoDB is away."""

    def __init__(
        self, motor: "AsyncIOMotorCollection[Document]", name: str, indexes: Indexes
    ) -> None:
        self._motor = motor
        self._indexes = indexes
        self.name = name
        self._found_together = Together(self._find_in_order)
        self._updated_together = Together(self._update_in_order)

    async def insert(self, document: Document) -> None:
        """Store a new document; raises DuplicateKey."""
        with translated():
            await self._motor.insert_one(document)

    async def find_one(self, query: Document) -> Document | None:
        """The first match."""
        with translated():
            return await self._motor.find_one(query)

    async def find(
        self,
        query: Document,
        *,
        sort: Sort,
        limit: int,
        skip: int = 0,
        index: Sort = (),
        fields: Document | None = None,
    ) -> list[Document]:
        """The first `limit` matches after those to skip; by this index, or one MongoDB chooses."""
        with translated():
            cursor = self._motor.find(query, fields).sort(list(sort))
            return await cursor.hint(list(index) or None).skip(skip).limit(limit).to_list(limit)

    async def get(self, key: str) -> Document | None:
        """The document of that id, found together with others that are asked for at the moment."""
        return await self._found_together(key)

    async def _find_in_order(self, keys: Sequence[str]) -> Sequence[Document | None]:
        if len(keys) == 1:
            return [await self.find_one({"_id": keys[0]})]
        return list(map((await self.find_each(keys)).get, keys))

    async def find_each(self, keys: Iterable[str]) -> dict[str, Document]:
        """The documents that there are of these ids, in one round trip."""
        wanted = list(keys)
        with translated():
            cursor = self._motor.find({"_id": {"$in": wanted}}, batch_size=len(wanted) + 1)
            return {found["_id"]: found for found in await cursor.to_list(None)}

    async def count(self, query: Document, *, limit: int) -> int:
        """How many match, counted up to `limit`."""
        with translated():
            return await self._motor.count_documents(query, limit=limit)

    async def update(
        self, query: Document, change: Document | list[Document], *, upsert: bool = False
    ) -> bool:
        """Change the first match, or insert; whether there was one. Raises DuplicateKey."""
        with translated():
            return (await self._motor.update_one(query, change, upsert=upsert)).matched_count > 0

    async def update_many(self, query: Document, change: Document) -> int:
        """Change all matches; how many there were."""
        with translated():
            return (await self._motor.update_many(query, change)).matched_count

    async def apply(self, update: Update) -> None:
        """Update a document, together with others of the moment; raises DuplicateKey.

        Whether there was a document remains open, unless it upserts.
        """
        await self._updated_together(update)

    async def _update_in_order(self, updates: Sequence[Update]) -> Sequence[Exception | None]:
        return list(map((await self.update_each(updates)).failed.get, range(len(updates))))

    async def update_each(self, updates: Sequence[Update]) -> Updated:
        """Make many updates in one round trip, in any order, whichever of them fail."""
        if not updates:
            return Updated(0, {})
        operations = [update.in_words_of_the_driver() for update in updates]
        with translated():
            try:
                result = await self._motor.bulk_write(operations, ordered=False)
            except BulkWriteError as error:
                return partly_failed(error)
        return Updated(result.matched_count + result.upserted_count, {})

    async def change_one(
        self,
        query: Document,
        change: Document | list[Document],
        *,
        sort: Sort | None = None,
        upsert: bool = False,
        only: Sequence[str] = (),
    ) -> Document | None:
        """Change the first match and return it as it is afterwards, or some of its fields."""
        with translated():
            changed: Document | None = await self._motor.find_one_and_update(
                query,
                change,
                projection=dict.fromkeys(only, 1) or None,
                sort=list(sort) if sort else None,
                upsert=upsert,
                return_document=ReturnDocument.AFTER,
            )
        return changed

    async def delete(self, query: Document) -> None:
        """Forget the first match."""
        with translated():
            await self._motor.delete_one(query)

    async def ensure_index(
        self,
        keys: Sort,
        *,
        unique: bool = False,
        where: Document | None = None,
        expire_after_seconds: int | None = None,
    ) -> None:
        """Make an index exist, however long that takes; `where` makes it partial.

        Raises Refused when the documents, or an index that is there, stand in the way.
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
        self.announce: Callable[[str, Document], None] = lambda _collection, _document: None
        """Called with each document that was just written with an event in its outbox."""

    def collection(self, name: str) -> Collection:
        """A collection by its name."""
        return Collection(self._database[name], name, self.indexes)

    async def ping(self, seconds: float) -> None:
        """Raises Unavailable when MongoDB does not let us read within so many seconds."""
        with translated(), pymongo.timeout(seconds):  # the command `ping` asks for no permission
            await self._database["ping"].find_one()

    def close(self) -> None:
        """Give the connections back; a silent server must not hold us up."""
        with pymongo.timeout(LEAVE_SECONDS):
            self._client.close()
