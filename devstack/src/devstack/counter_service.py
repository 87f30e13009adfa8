"""A minimal service that counts, for tests of what all services share."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

from common.aggregate_store import AggregateStore
from common.contracts.events import TicketUpdated
from common.contracts.ids import new_id
from common.contracts.money import Price
from common.messaging.bus import Bus
from common.messaging.consumer import Consumer, Handlers, OrderingKey, aggregate_key
from common.messaging.outbox import Outbox
from common.messaging.runtime import eventing_runtime
from common.mongo import Collection, Database, Document
from devstack.testing import eventually

SERVICE = "tallies"


@dataclass(frozen=True)
class Tally:
    """An aggregate that counts: each count is its next version."""

    id: str
    version: int = 0
    is_silent: bool = False

    @classmethod
    def new(cls) -> Self:
        """A fresh tally."""
        return cls(new_id())

    def count(self) -> Self:
        """One more."""
        return replace(self, version=self.version + 1, is_silent=False)

    def count_without_event(self) -> Self:
        """One more, without an event."""
        return replace(self, version=self.version + 1, is_silent=True)

    @property
    def event(self) -> TicketUpdated | None:
        """The event that announces this version."""
        return None if self.is_silent else self.to_event()

    @property
    def snapshot(self) -> TicketUpdated:
        """The whole state, for replicas that may have missed events."""
        return self.to_event().model_copy(update={"snapshot": True})

    def to_event(self) -> TicketUpdated:
        """The count as an event of an existing contract."""
        return TicketUpdated(
            id=self.id, version=self.version, title="Tally", price=Price(1999), user_id="somebody"
        )


def _from_document(document: Document) -> Tally:
    return Tally(document["_id"], document["version"], document["isSilent"])


class Tallies(AggregateStore[Tally]):
    """The store of tallies."""

    def __init__(self, database: Database) -> None:
        super().__init__(
            database,
            "tallies",
            to_document=lambda tally: {"isSilent": tally.is_silent},
            from_document=_from_document,
        )

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self.collection]


@asynccontextmanager
async def publishing(url: str, database: Database) -> AsyncIterator[Bus]:
    """Publish the events of tallies through an outbox, for the duration of the block."""
    bus = Bus(url, service=SERVICE)
    outbox = Outbox(bus, SERVICE, Tallies(database).outboxes)
    database.publish_soon = outbox.publish_soon

    async def prepared() -> bool:
        return bus.is_ready

    async with eventing_runtime(bus, [], outbox, []):
        await eventually(prepared)
        yield bus


@asynccontextmanager
async def consuming(
    url: str, handlers: Handlers, ordering_key: OrderingKey = aggregate_key, service: str = SERVICE
) -> AsyncIterator[Consumer]:
    """Run the consumer of one replica of a service, for the duration of the block."""
    bus = Bus(url, service=service)
    consumer = Consumer(bus, service, handlers, None, ordering_key)
    bus.on_connected.append(consumer.start)
    await bus.connect()
    try:
        yield consumer
    finally:
        await consumer.stop(1)
        await bus.close()
