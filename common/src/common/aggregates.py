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

ATTEMPTS = 100
"""How often a change is decided anew when others keep changing the aggregate first."""

MOST_WAITING = 1_000
"""How many events of one aggregate may wait: each change reads them, and a document has 16 MB."""


class Aggregate(Protocol):
    """What has an identity, a version, and something to say after a change."""

    @property
    def id(self) -> str:
        """Its identity, for ever."""

    @property
    def version(self) -> int:
        """0 when created, one more with each change."""

    @property
    def event(self) -> Event | None:
        """What announces the change to this version."""


A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class Announcement:
    """An event on its way: what waits in an outbox and what the bus carries."""

    version: int
    subject: str
    aggregate_id: str
    schema_version: int
    time: str
    body: str
    traceparent: str = ""

    @property
    def message_id(self) -> str:
        """The same for every copy, so that the bus can drop a second one."""
        return f"{self.subject}:{self.aggregate_id}:{self.version}"

    @classmethod
    def of(cls, event: Event, version: int) -> Self:
        """The announcement of `version` of an aggregate."""
        return cls(
            version=version,
            subject=event.subject.value,
            aggregate_id=event.aggregate_id,
            schema_version=event.schema_version,
            time=wire_time(clock.now()),
            body=event.to_json(),
            traceparent=tracing.here.get(),
        )


_FIELDS = {field.name for field in fields(Announcement)}


class Aggregates(Generic[A]):
    """A collection of aggregates of one kind.

    A change and the event that announces it are one write to one document: the event waits in
    the document's `outbox` until the bus has acknowledged it. What is `unread` stays in the
    database: `from_document` does without these fields.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        to_document: Callable[[A], Document],
        from_document: Callable[[Document], A],
        unread: Sequence[str] = (),
    ) -> None:
        self._unread = dict.fromkeys(["outbox", *unread], 0)
        self._database = database
        self.collection = database.collection(name)
        self._to_document = to_document
        self._from_document = from_document

    async def prepare(self) -> None:
        """Create the indexes that find what was left in an outbox, and what was refused of it."""
        for found_by in ("outboxSince", "outboxRetryAt", "outboxRefusedSince"):
            await self.collection.ensure_index([(found_by, 1)], where={found_by: {"$exists": True}})

    async def get(self, identity: str) -> A | None:
        """The aggregate as it is now."""
        document = await self.collection.get(identity)
        return self._from_document(document) if document else None

    async def find(self, query: Document, *, sort: Sort, limit: int, index: Sort = ()) -> list[A]:
        """The first `limit` aggregates that match; by this index, or one MongoDB chooses."""
        found = await self.collection.find(
            query, sort=sort, limit=limit, index=index, fields=self._unread
        )
        return [self._from_document(document) for document in found]

    async def after(self, identity: str, limit: int) -> list[A]:
        """The next `limit` aggregates in the order of their ids; begin with ""."""
        return await self.find({"_id": {"$gt": identity}}, sort=[("_id", 1)], limit=limit)

    async def add(self, aggregate: A) -> None:
        """Store a new aggregate with its event; raises DuplicateKey."""
        await self._write(aggregate, [])

    async def change(self, identity: str, decide: Callable[[A], A]) -> A | None:
        """Let the domain decide what comes next and store it with its event.

        `decide` returns the aggregate itself when nothing is to change, and may raise; it is asked
        again with the newer state when somebody else was first. None when there is no such
        aggregate. Raises Unavailable after `ATTEMPTS` lost races, and Busy while `MOST_WAITING`
        events of the aggregate wait to be announced.
        """
        for attempt in range(ATTEMPTS):
            await _pause_before(attempt)
            document = await self.collection.get(identity)
            if document is None:
                return None
            current = self._from_document(document)
            changed = decide(current)
            if changed is current:
                return changed
            self._refuse_if_full(document, changed)
            if await self._replace(document, changed):
                return changed
        raise Unavailable(f"{self.collection.name} {identity} is changed too often")

    def _refuse_if_full(self, document: Document, changed: A) -> None:
        waiting = len(document.get("outbox", []))
        if waiting >= MOST_WAITING and changed.event:
            name = f"{self.collection.name} {changed.id}"
            raise Busy(f"{waiting} events of {name} wait to be announced")

    async def _replace(self, document: Document, aggregate: A) -> bool:
        """Whether nobody else was first."""
        try:
            await self._write(aggregate, document.get("outbox", []))
        except DuplicateKey:
            return False
        return True

    async def _write(self, aggregate: A, waiting: list[Document]) -> None:
        """Make this version of the one before, which for a new aggregate is nothing.

        Raises DuplicateKey: where the version before is not there, the upsert would insert the
        same id a second time. `waiting` is what the outbox holds already.
        """
        change: Document = {
            "$set": {**self._to_document(aggregate), "version": aggregate.version},
        }
        if event := aggregate.event:
            said = asdict(Announcement.of(event, aggregate.version))
            change |= {"$push": {"outbox": said}, "$min": {"outboxSince": clock.now()}}
            waiting = [*waiting, said]
        before = {"_id": aggregate.id, "version": aggregate.version - 1}
        await self.collection.apply(Update(before, change, upsert=True))
        self._database.announce(self.collection.name, {"_id": aggregate.id, "outbox": waiting})


async def _pause_before(attempt: int) -> None:
    """None before the first tries; then up to 50 ms, until the winner's write is committed."""
    if attempt > 1:
        longest = min(0.001 * 2 ** min(attempt, 10), 0.05)
        await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - losers apart


def announcement_of(entry: Document) -> Announcement:
    """One entry of a document's outbox.

    Another version of the service, before or after this one, may have written more or less of it.
    """
    return Announcement(**{name: entry[name] for name in _FIELDS & entry.keys()})
