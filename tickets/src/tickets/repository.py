"""Tickets in MongoDB."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict

from common.aggregates import Aggregates
from common.contracts.money import Price
from common.mongo import Collection, Database, Document, Update
from common.together import Together
from tickets.domain import Claim, Ticket, TicketNotFound
from tickets.words import beginnings_of

NEWEST_FIRST = [("_id", -1)]
PAGE = 500
"""How many titles are made searchable at once."""
COMPARED = 4
"""How many words of a search may be the one that is looked up."""
SAMPLE = 50
"""How many titles with a word tell how rare it is."""


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
        self._tickets = Aggregates(
            database,
            "tickets",
            to_document=_to_document,
            from_document=_from_document,
            unread=["beginnings"],
        )
        self._newest = Together(self._newest_free)

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self._tickets.collection]

    async def prepare(self) -> None:
        """Make the indexes exist: for what is free, for searching it, for what somebody sells."""
        await self._tickets.prepare()
        for keys in (["orderId"], ["orderId", "beginnings"], ["userId"]):
            await self._tickets.collection.ensure_index([*((key, 1) for key in keys), ("_id", -1)])
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
        if ticket := await self._tickets.change(ticket_id, decide):
            return ticket
        raise TicketNotFound

    async def after(self, ticket_id: str, limit: int) -> list[Ticket]:
        """The next tickets in the order of their ids."""
        return await self._tickets.after(ticket_id, limit)

    async def free(self, words: Sequence[str], older_than: str | None, limit: int) -> list[Ticket]:
        """Tickets that nobody holds and whose titles have such words, newest first."""
        if words or older_than:
            return await self._find({"orderId": None}, words, older_than, limit)
        return await self._newest(limit)

    async def _newest_free(self, limits: Sequence[int]) -> Sequence[list[Ticket]]:
        """The page that everybody sees first, read once for all who ask at the same time."""
        newest = await self._find({"orderId": None}, [], None, max(limits))
        return [newest[:limit] for limit in limits]

    async def of_seller(
        self, user_id: str, words: Sequence[str], older_than: str | None, limit: int
    ) -> list[Ticket]:
        """All that somebody sells or has sold and that has such words, newest first."""
        return await self._find({"userId": user_id}, words, older_than, limit)

    async def _find(
        self, query: Document, words: Sequence[str], older_than: str | None, limit: int
    ) -> list[Ticket]:
        if older_than:
            query["_id"] = {"$lt": older_than}
        if words:
            query["beginnings"] = {"$all": await self._rarest_first(query, words)}
        return await self._tickets.find(query, sort=NEWEST_FIRST, limit=limit)

    async def _rarest_first(self, query: Document, words: Sequence[str]) -> Sequence[str]:
        """The index looks up the first word only: the one whose tickets reach back the furthest."""
        longest_first = sorted(words, key=len, reverse=True)
        likely = longest_first[:COMPARED]
        if len(likely) < 2:
            return words
        reached = await asyncio.gather(*(self._reached(query, word) for word in likely))
        rarest = likely[reached.index(min(reached))]
        return sorted(longest_first, key=rarest.__ne__)

    async def _reached(self, query: Document, word: str) -> str:
        """How old, by its id, the last of the first `SAMPLE` matches is; "" when there are less."""
        matching = {**query, "beginnings": word}
        last = await self._tickets.collection.find(
            matching, sort=NEWEST_FIRST, skip=SAMPLE - 1, limit=1
        )
        return last[0]["_id"] if last else ""
