"""Tickets in MongoDB."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from common.aggregate_store import AggregateStore
from common.batch_loader import BatchLoader
from common.contracts.money import Price
from common.mongo import Collection, Database, Document, Update
from tickets.domain import Reservation, Ticket, TicketNotFound
from tickets.search import BY_SELLER, FREE, FREE_BY_PREFIX, NEWEST_FIRST, Search, SearchPage
from tickets.tokenizer import prefixes

BATCH_SIZE = 500
"""How many tickets are backfilled at once."""


def _to_document(ticket: Ticket) -> Document:
    return {
        "title": ticket.title,
        "beginnings": prefixes(ticket.title),
        "priceCents": ticket.price.cents,
        "userId": ticket.user_id,
        "orderId": ticket.order_id,
        "orders": {
            order_id: asdict(reservation) for order_id, reservation in ticket.reservations.items()
        },
    }


def _from_document(document: Document) -> Ticket:
    return Ticket(
        id=document["_id"],
        version=document["version"],
        title=document["title"],
        price=Price(document["priceCents"]),
        user_id=document["userId"],
        order_id=document["orderId"],
        reservations={
            order_id: Reservation(**reservation)
            for order_id, reservation in document["orders"].items()
        },
    )


class TicketRepository:
    """What the tickets service owns."""

    def __init__(self, database: Database) -> None:
        self._tickets = AggregateStore(
            database,
            "tickets",
            to_document=_to_document,
            from_document=_from_document,
            exclude=["beginnings"],
        )
        self._newest = BatchLoader(self._load_newest)
        self._search = Search(self._tickets)

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self._tickets.collection]

    async def prepare(self) -> None:
        """Create the indexes: for free tickets, for searching them, and for a seller's tickets."""
        await self._tickets.prepare()
        for index in (FREE, FREE_BY_PREFIX, BY_SELLER):
            await self._tickets.collection.ensure_index(index)
        await self._backfill_prefixes()

    async def _backfill_prefixes(self) -> None:
        """Add the prefixes to tickets that were stored before there was a search; idempotent."""
        tickets, old = self._tickets.collection, {"beginnings": {"$exists": False}}
        while page := await tickets.find(old, sort=[("_id", 1)], limit=BATCH_SIZE):
            await tickets.bulk_update(
                [
                    Update({"_id": one["_id"]}, {"$set": {"beginnings": prefixes(one["title"])}})
                    for one in page
                ]
            )

    async def add(self, ticket: Ticket) -> None:
        """Store a new ticket."""
        await self._tickets.add(ticket)

    async def get(self, ticket_id: str) -> Ticket:
        """The ticket, whatever its status; raises TicketNotFound."""
        if ticket := await self._tickets.get(ticket_id):
            return ticket
        raise TicketNotFound

    async def update(self, ticket_id: str, decide: Callable[[Ticket], Ticket]) -> Ticket:
        """Store what the domain decides; raises TicketNotFound and whatever it refuses with."""
        if ticket := await self._tickets.update(ticket_id, decide):
            return ticket
        raise TicketNotFound

    async def list_after(self, ticket_id: str, limit: int) -> list[Ticket]:
        """The next page of tickets, sorted by id."""
        return await self._tickets.list_after(ticket_id, limit)

    async def list_free(
        self, words: Sequence[str], older_than: str | None, limit: int
    ) -> SearchPage:
        """Free tickets whose titles match the words, newest first."""
        if words:
            return await self._search.list_free(words, older_than, limit)
        if older_than:
            return SearchPage(await self._older({"orderId": None}, older_than, limit))
        return SearchPage(await self._newest.load(limit))

    async def _load_newest(self, limits: Sequence[int]) -> Sequence[list[Ticket]]:
        """The first page, read once for all requests that wait for it (batch loader)."""
        newest = await self._older({"orderId": None}, None, max(limits))
        return [newest[:limit] for limit in limits]

    async def list_by_seller(
        self, user_id: str, words: Sequence[str], older_than: str | None, limit: int
    ) -> SearchPage:
        """A seller's tickets, sold ones included, whose titles match the words, newest first."""
        if words:
            return await self._search.list_by_seller(user_id, words, older_than, limit)
        return SearchPage(await self._older({"userId": user_id}, older_than, limit))

    async def _older(self, query: Document, older_than: str | None, limit: int) -> list[Ticket]:
        if older_than:
            query["_id"] = {"$lt": older_than}
        return await self._tickets.find(query, sort=NEWEST_FIRST, limit=limit)
