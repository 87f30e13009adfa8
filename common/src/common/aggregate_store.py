"""Aggregates in MongoDB: each write is guarded by a version and carries its own event."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Generic, Protocol, Self, TypeVar

from common import clock, tracing
from common.contracts.events import Event, wire_time
from common.errors import Busy, Unavailable
from common.mongo import Database, Document, DuplicateKey, Sort, Update

OPTIMISTIC_ATTEMPTS = 100
"""How often `update` decides again when others keep writing the aggregate first."""

MAX_PENDING = 1_000
"""How many events may wait in one outbox: each update reads them, and a document has 16 MB."""


class Aggregate(Protocol):
    """What has an identity, a version, and an event after a change."""

    @property
    def id(self) -> str:
        """Its identity; never changes."""

    @property
    def version(self) -> int:
        """0 when created, one more with each change."""

    @property
    def event(self) -> Event | None:
        """What announces the change to this version."""


A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class OutboxEntry:
    """An event as it waits in the outbox of its aggregate and as the bus carries it."""

    version: int
    subject: str
    aggregate_id: str
    schema_version: int
    time: str
    body: str
    traceparent: str = ""

    @property
    def message_id(self) -> str:
        """The same each time it is published, so that the bus can drop duplicates."""
        return f"{self.subject}:{self.aggregate_id}:{self.version}"

    @classmethod
    def of(cls, event: Event, version: int) -> Self:
        """The entry for this version of an aggregate."""
        return cls(
            version=version,
            subject=event.subject.value,
            aggregate_id=event.aggregate_id,
            schema_version=event.schema_version,
            time=wire_time(clock.now()),
            body=event.to_json(),
            traceparent=tracing.current_traceparent.get(),
        )


_FIELDS = {field.name for field in fields(OutboxEntry)}


class AggregateStore(Generic[A]):
    """A collection of aggregates of one kind, written with optimistic concurrency.

    A change and the event that announces it are one write to one document (transactional outbox):
    the event waits in the document's `outbox` until the bus has acknowledged it. `exclude` names
    fields that `list_after` and `find` leave in the database: `from_document` does without them.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        to_document: Callable[[A], Document],
        from_document: Callable[[Document], A],
        exclude: Sequence[str] = (),
    ) -> None:
        self._excluded = dict.fromkeys(["outbox", *exclude], 0)
        self._database = database
        self.collection = database.collection(name)
        self._to_document = to_document
        self._from_document = from_document

    async def prepare(self) -> None:
        """Create the indexes that find pending and rejected outbox entries."""
        for found_by in ("outboxSince", "outboxRetryAt", "outboxRefusedSince"):
            await self.collection.ensure_index([(found_by, 1)], where={found_by: {"$exists": True}})

    async def get(self, identity: str) -> A | None:
        """The aggregate as it is now."""
        document = await self.collection.get(identity)
        return self._from_document(document) if document else None

    async def find(self, query: Document, *, sort: Sort, limit: int, hint: Sort = ()) -> list[A]:
        """The first `limit` aggregates that match; `index` is a hint for MongoDB."""
        found = await self.collection.find(
            query, sort=sort, limit=limit, hint=hint, projection=self._excluded
        )
        return [self._from_document(document) for document in found]

    async def list_after(self, identity: str, limit: int) -> list[A]:
        """The next `limit` aggregates in the order of their ids; begin with ""."""
        return await self.find({"_id": {"$gt": identity}}, sort=[("_id", 1)], limit=limit)

    async def add(self, aggregate: A) -> None:
        """Store a new aggregate with its event; raises DuplicateKey."""
        await self._write(aggregate, [])

    async def update(self, identity: str, decide: Callable[[A], A]) -> A | None:
        """Load the aggregate, let `decide` change it, and store the result with its event.

        `decide` returns the aggregate itself when nothing is to change, and may raise; it is called
        again with the newer state when another writer was first. None when there is no such
        aggregate. Raises Unavailable after `OPTIMISTIC_ATTEMPTS` conflicts, and Busy while
        `MAX_PENDING` events of the aggregate wait to be published.
        """
        for attempt in range(OPTIMISTIC_ATTEMPTS):
            await _backoff(attempt)
            document = await self.collection.get(identity)
            if document is None:
                return None
            current = self._from_document(document)
            changed = decide(current)
            if changed is current:
                return changed
            self._check_capacity(document, changed)
            if await self._write_optimistically(document, changed):
                return changed
        raise Unavailable(f"{self.collection.name} {identity} is changed too often")

    def _check_capacity(self, document: Document, changed: A) -> None:
        waiting = len(document.get("outbox", []))
        if waiting >= MAX_PENDING and changed.event:
            name = f"{self.collection.name} {changed.id}"
            raise Busy(f"{waiting} events of {name} wait to be announced")

    async def _write_optimistically(self, document: Document, aggregate: A) -> bool:
        """Whether it was written: not when another writer was first."""
        try:
            await self._write(aggregate, document.get("outbox", []))
        except DuplicateKey:
            return False
        return True

    async def _write(self, aggregate: A, pending: list[Document]) -> None:
        """Replace the version before, which for a new aggregate does not exist, by this one.

        Raises DuplicateKey: where the version before is not there, the upsert would insert the
        same id a second time. `pending` is what the outbox holds already.
        """
        change: Document = {
            "$set": {**self._to_document(aggregate), "version": aggregate.version},
        }
        if event := aggregate.event:
            entry = asdict(OutboxEntry.of(event, aggregate.version))
            change |= {"$push": {"outbox": entry}, "$min": {"outboxSince": clock.now()}}
            pending = [*pending, entry]
        before = {"_id": aggregate.id, "version": aggregate.version - 1}
        await self.collection.update_batched(Update(before, change, upsert=True))
        self._database.publish_soon(self.collection.name, {"_id": aggregate.id, "outbox": pending})


async def _backoff(attempt: int) -> None:
    """Exponential backoff with jitter, from the third attempt on, up to 50 ms."""
    if attempt > 1:
        longest = min(0.001 * 2 ** min(attempt, 10), 0.05)
        await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - losers apart


def entry_from_document(entry: Document) -> OutboxEntry:
    """One entry of a document's outbox.

    Another version of the service, before or after this one, may have written more or less of it.
    """
    return OutboxEntry(**{name: entry[name] for name in _FIELDS & entry.keys()})
