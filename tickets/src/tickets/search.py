"""Searching by words in bounded time: a page looks through so many tickets, and no more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from common.aggregate_store import AggregateStore
from common.mongo import Document, Sort
from tickets.domain import Ticket

NEWEST_FIRST = [("_id", -1)]
FREE = [("orderId", 1), *NEWEST_FIRST]
FREE_BY_WORD = [("orderId", 1), ("beginnings", 1), *NEWEST_FIRST]
BY_SELLER = [("userId", 1), *NEWEST_FIRST]

WINDOW = 500
"""How many tickets are looked through for one page."""
COMPARED = 4
"""How many words of a search may be the one that the index looks up."""
SAMPLE = 50
"""How many tickets with a word tell how rare it is."""


@dataclass(frozen=True)
class Found:
    """Tickets, newest first; `looked_to` is the id where a search stops before it has seen all."""

    tickets: Sequence[Ticket]
    looked_to: str | None = None


@dataclass(frozen=True)
class _Shelf:
    """Tickets to look through, and the index that leads to just these."""

    query: Document
    index: Sort

    def between(self, older_than: str | None, end: str | None = None) -> "_Shelf":
        """Those that are older than one id, down to another."""
        bounds = {"$lt": older_than, "$gte": end}
        known = {name: bound for name, bound in bounds.items() if bound}
        return _Shelf(self.query | {"_id": known}, self.index) if known else self

    def having(self, words: Sequence[str]) -> "_Shelf":
        """Those that have all the words."""
        return _Shelf(self.query | {"beginnings": {"$all": words}}, self.index)


class Search:
    """Finds tickets in whose titles each word begins a word."""

    def __init__(self, tickets: AggregateStore[Ticket]) -> None:
        self._tickets = tickets

    async def free(self, words: Sequence[str], older_than: str | None, limit: int) -> Found:
        """Of the tickets that nobody holds."""
        free = _Shelf({"orderId": None}, FREE_BY_WORD)
        words = await self._rarest_first(free.between(older_than), words)
        return await self._look_through(free.having(words[:1]), words, older_than, limit)

    async def of_seller(
        self, user_id: str, words: Sequence[str], older_than: str | None, limit: int
    ) -> Found:
        """Of all that somebody sells or has sold."""
        own = _Shelf({"userId": user_id}, BY_SELLER)
        return await self._look_through(own, words, older_than, limit)

    async def _look_through(
        self, shelf: _Shelf, words: Sequence[str], older_than: str | None, limit: int
    ) -> Found:
        """What has the words; what is looked at and what is found end at the same id."""
        wanted, end = shelf.having(words), None
        if wanted != shelf:
            end = await self._id_at(shelf.between(older_than), WINDOW)
        return Found(await self._newest(wanted.between(older_than, end), limit), looked_to=end)

    async def _rarest_first(self, shelf: _Shelf, words: Sequence[str]) -> Sequence[str]:
        """The index looks up the first word only: the one whose tickets reach back the furthest."""
        longest_first = sorted(words, key=len, reverse=True)
        likely = longest_first[:COMPARED]
        if len(likely) < 2:
            return words
        ids = (self._id_at(shelf.having([word]), SAMPLE) for word in likely)
        reached = [identity or "" for identity in await asyncio.gather(*ids)]
        rarest = likely[reached.index(min(reached))]
        return sorted(longest_first, key=rarest.__ne__)

    async def _newest(self, shelf: _Shelf, limit: int) -> list[Ticket]:
        return await self._tickets.find(
            shelf.query, sort=NEWEST_FIRST, limit=limit, index=shelf.index
        )

    async def _id_at(self, shelf: _Shelf, place: int) -> str | None:
        """Of the ticket at this place, counted from the newest; None when there are fewer."""
        match = await self._tickets.collection.find(
            shelf.query, sort=NEWEST_FIRST, skip=place - 1, limit=1, index=shelf.index
        )
        return match[0]["_id"] if match else None
