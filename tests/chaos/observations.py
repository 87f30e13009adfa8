"""What is observed at quiescence: databases and their change history, the stream, the ledger."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import nats
from bson import Timestamp
from httpx import AsyncClient
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pymongo import MongoClient
from tests.chaos.history import Answer

from common.messaging.streams import DEAD_LETTERS, STREAM
from common.mongo import Document
from common.read_models import CHECKPOINTS
from devstack.jetstream import ConsumerState, consumer_state
from devstack.running_stack import RunningStack

CONSUMERS = ("tickets", "orders", "expiration", "payments")
COLLECTIONS = {
    "tickets": "tickets.tickets",
    "orders": "orders.orders",
    "copies": "orders.tickets",
    "checkouts": "payments.checkouts",
    "timers": "expiration.timers",
}
END = "end_of_the_run"


@dataclass(frozen=True)
class Message:
    """One message of the stream, in its order."""

    sequence: int
    subject: str
    entity: str
    time: str
    body: Document
    id: str = ""

    @property
    def version(self) -> int | None:
        """The version of the ticket or order that it announces, if it announces one."""
        return self.body.get("version")

    @property
    def owner(self) -> str:
        """Whose word it is: that of a ticket, an order, a timer or a payment."""
        return self.subject.partition(":")[0]

    @property
    def announces(self) -> int | None:
        """Which version of its aggregate, payments and timers included, as its id says."""
        _, _, version = self.id.partition(f":{self.entity}:")
        return int(version.partition(":")[0]) if version else None


@dataclass(frozen=True)
class Write:
    """One write to one document, in its database's order: a new one whole, else what changed."""

    place: str
    entity: str
    fields: Document

    def get(self, name: str) -> object:
        """A field by its dotted name, however the database noted the change."""
        if name in self.fields:
            return self.fields[name]
        first, _, rest = name.partition(".")
        part = self.fields.get(first)
        return part.get(rest) if rest and isinstance(part, dict) else None


Documents = Mapping[str, Document]


@dataclass(frozen=True)
class Observations:
    """Everything that the invariants are checked against."""

    tickets: Documents = field(default_factory=dict)
    orders: Documents = field(default_factory=dict)
    copies: Documents = field(default_factory=dict)
    checkouts: Documents = field(default_factory=dict)
    timers: Documents = field(default_factory=dict)
    messages: Sequence[Message] = ()
    dead_letters: Sequence[str] = ()
    writes: Sequence[Write] = ()
    books: Sequence[Document] = ()
    backlogs: Mapping[str, ConsumerState | None] = field(default_factory=dict)
    answers: Sequence[Answer] = ()
    is_whole: bool = True
    """Whether the stream holds everything that was said, and everybody was to hear it from there:
    not when somebody deleted or purged it, or made a consumer by hand."""

    def writes_to(self, place: str) -> Iterator[Write]:
        """The writes to one collection."""
        return (write for write in self.writes if write.place == place)


class Databases:
    """The databases of a stack, and where their past begins."""

    def __init__(self, stack: RunningStack) -> None:
        self._names = sorted({place.partition(".")[0] for place in COLLECTIONS.values()})
        self._client: MongoClient[Document] = MongoClient(
            stack.mongo["orders"],
            tz_aware=True,
            w="majority",
            readConcernLevel="majority",
            serverSelectionTimeoutMS=20_000,
        )
        self._begin: Timestamp = self._client.admin.command("ping")["operationTime"]

    def documents(self, kind: str) -> dict[str, Document]:
        """All documents of a kind, by their ids."""
        database, _, collection = COLLECTIONS[kind].partition(".")
        return {found["_id"]: found for found in self._client[database][collection].find()}

    def checkpoint(self, service: str) -> Document | None:
        """How far a service has heard the stream, as it remembers it."""
        return self._client[service][CHECKPOINTS].find_one()

    def writes(self) -> Iterator[Write]:
        """Every write since the beginning, database by database."""
        for name in self._names:
            yield from self._writes_of(name)

    def _writes_of(self, name: str) -> Iterator[Write]:
        database = self._client[name]
        database[END].insert_one({"_id": END, "at": datetime.now().astimezone()})
        try:
            with database.watch(start_at_operation_time=self._begin) as changes:
                for change in changes:
                    collection = change["ns"]["coll"]
                    if collection == END:
                        return
                    yield Write(
                        f"{name}.{collection}", change["documentKey"]["_id"], _fields(change)
                    )
        finally:
            database.drop_collection(END)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


def _fields(change: Mapping[str, Document]) -> Document:
    if "updateDescription" in change:
        updated: Document = change["updateDescription"]["updatedFields"]
        return updated
    return change.get("fullDocument") or {}


async def gather(
    stack: RunningStack, databases: Databases, answers: Sequence[Answer]
) -> Observations:
    """Everything, read once and from the sources themselves."""
    async with AsyncClient(base_url=stack.sandbox) as sandbox:
        books = (await sandbox.get("/_sandbox/ledger")).json()
    connection = await nats.connect(stack.nats.split(","))
    stream = connection.jetstream()
    messages = [message async for message in _messages(stream)]
    dead = [letter async for letter in _dead_letters(stream)]
    await connection.close()
    documents: dict[str, Any] = {kind: databases.documents(kind) for kind in COLLECTIONS}
    return Observations(
        **documents,
        messages=messages,
        dead_letters=dead,
        writes=list(databases.writes()),
        books=books,
        backlogs={service: backlog(stack, service) for service in CONSUMERS},
        answers=answers,
    )


def backlog(stack: RunningStack, service: str) -> ConsumerState | None:
    """What a service has still to hear."""
    return consumer_state(urlsplit(stack.nats.partition(",")[0]).port or 0, service)


async def _messages(stream: JetStreamContext) -> AsyncIterator[Message]:
    state = (await stream.stream_info(STREAM)).state
    for sequence in range(max(1, state.first_seq), state.last_seq + 1):
        found = await stream.get_msg(STREAM, sequence)
        headers = found.headers or {}
        yield Message(
            sequence,
            found.subject or "",
            headers.get("ce-subject", ""),
            headers.get("ce-time", ""),
            json.loads(found.data or b"{}"),
            headers.get("ce-id", ""),
        )


async def _dead_letters(stream: JetStreamContext) -> AsyncIterator[str]:
    last = (await stream.stream_info(DEAD_LETTERS)).state.last_seq
    for sequence in range(1, last + 1):
        try:
            found = await stream.get_msg(DEAD_LETTERS, sequence)
        except NotFoundError:
            continue
        headers = found.headers or {}
        yield f"{found.subject}: {headers.get('ce-id')}: {headers.get('Dead-Letter-Reason')}"
