"""Tickets in MongoDB."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from common.aggregate_store import AggregateStore
from common.contracts.money import Price
from common.mongo import Collection, Database, Document, Update
from common.together import Together
from tickets.domain import Claim, Ticket, TicketNotFound
from tickets.search import BY_SELLER, FREE, FREE_BY_WORD, NEWEST_FIRST, Found, Search
from tickets.words import beginnings_of

PAGE = 500
"""How many titles are made searchable at once."""


def _to_document(ticket: Ticket) -> Document:
    return {
        "title": ticket.title,
        "beginnings": beginnings_of(ticket.title),
        "priceCents": ticket.price.cents,
        "userId": ticket.user_id,
        "orderId": ticket.order_id,
        "orders": {order_id: asdict(claim) for order_id, claim in ticket.claims.items()},
    }


def _from_document(document: Document) -> Ticket:
    return Ticket(
        id=document["_id"],
        version=document["version"],
        title=document["title"],
        price=Price(document["priceCents"]),
        user_id=document["userId"],
        order_id=document["orderId"],
        claims={order_id: Claim(**claim) for order_id, claim in document["orders"].items()},
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
        self._newest = Together(self._newest_free)
        self._search = Search(self._tickets)

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self._tickets.collection]

    async def prepare(self) -> None:
        """Make the indexes exist: for what is free, for searching it, for what somebody sells."""
        await self._tickets.prepare()
        for index in (FREE, FREE_BY_WORD, BY_SELLER):
            await self._tickets.collection.ensure_index(index)
        await self._make_searchable()

    async def _make_searchable(self) -> None:
        """Tickets of the time before there was a search; a repetition finds nothing to do."""
        tickets, old = self._tickets.collection, {"beginnings": {"$exists": False}}
        while page := await tickets.find(old, sort=[("_id", 1)], limit=PAGE):
            await tickets.update_each(
                [
                    Update(
                        {"_id": one["_id"]}, {"$set": {"beginnings": beginnings_of(one["title"])}}
                    )
                    for one in page
                ]
            )

    async def add(self, ticket: Ticket) -> None:
        """Store a new ticket."""
        await self._tickets.add(ticket)

    async def get(self, ticket_id: str) -> Ticket:
        """The ticket, held or not; raises TicketNotFound."""
        if ticket := await self._tickets.get(ticket_id):
            return ticket
        raise TicketNotFound

    async def change(self, ticket_id: str, decide: Callable[[Ticket], Ticket]) -> Ticket:
        """Store what the domain decides; raises TicketNotFound and whatever it refuses with."""
        if ticket := await self._tickets.update(ticket_id, decide):
            return ticket
        raise TicketNotFound

    async def list_after(self, ticket_id: str, limit: int) -> list[Ticket]:
        """The next tickets in the order of their ids."""
        return await self._tickets.list_after(ticket_id, limit)

    async def free(self, words: Sequence[str], older_than: str | None, limit: int) -> Found:
        """Tickets that nobody holds and whose titles have such words, newest first."""
        if words:
            return await self._search.free(words, older_than, limit)
        if older_than:
            return Found(await self._older({"orderId": None}, older_than, limit))
        return Found(await self._newest(limit))

    async def _newest_free(self, limits: Sequence[int]) -> Sequence[list[Ticket]]:
        """The page that everybody sees first, read once for all who ask at the same time."""
        newest = await self._older({"orderId": None}, None, max(limits))
        return [newest[:limit] for limit in limits]

    async def of_seller(
        self, user_id: str, words: Sequence[str], older_than: str | None, limit: int
    ) -> Found:
        """All that somebody sells or has sold and that has such words, newest first."""
        if words:
            return await self._search.of_seller(user_id, words, older_than, limit)
        return Found(await self._older({"userId": user_id}, older_than, limit))

    async def _older(self, query: Document, older_than: str | None, limit: int) -> list[Ticket]:
        if older_than:
            query["_id"] = {"$lt": older_than}
        return await self._tickets.find(query, sort=NEWEST_FIRST, limit=limit)
