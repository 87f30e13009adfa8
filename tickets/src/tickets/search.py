"""Prefix search in bounded time: a page scans at most `SCAN_LIMIT` tickets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from common.aggregate_store import AggregateStore
from common.mongo import Document, Sort
from tickets.domain import Ticket

NEWEST_FIRST = [("_id", -1)]
FREE = [("orderId", 1), *NEWEST_FIRST]
FREE_BY_PREFIX = [("orderId", 1), ("beginnings", 1), *NEWEST_FIRST]
BY_SELLER = [("userId", 1), *NEWEST_FIRST]

SCAN_LIMIT = 500
"""How many tickets are scanned for one page."""
MAX_CANDIDATES = 4
"""How many words of a search are compared to find the most selective one."""
SAMPLE_SIZE = 50
"""How many tickets with a word are counted to estimate its selectivity."""


@dataclass(frozen=True)
class SearchPage:
    """Tickets, newest first; `resume_after` is the id where the scan of a search has stopped."""

    tickets: Sequence[Ticket]
    resume_after: str | None = None


@dataclass(frozen=True)
class _IndexRange:
    """A query, and the index that covers it."""

    query: Document
    index: Sort

    def between(self, older_than: str | None, end: str | None = None) -> "_IndexRange":
        """The part that is older than one id, down to another."""
        bounds = {"$lt": older_than, "$gte": end}
        known = {name: bound for name, bound in bounds.items() if bound}
        return _IndexRange(self.query | {"_id": known}, self.index) if known else self

    def with_tokens(self, words: Sequence[str]) -> "_IndexRange":
        """The tickets whose titles match all the words."""
        return _IndexRange(self.query | {"beginnings": {"$all": words}}, self.index)


class Search:
    """Finds tickets whose titles have each search word as a prefix of a word."""

    def __init__(self, tickets: AggregateStore[Ticket]) -> None:
        self._tickets = tickets

    async def list_free(
        self, words: Sequence[str], older_than: str | None, limit: int
    ) -> SearchPage:
        """Search the free tickets."""
        free = _IndexRange({"orderId": None}, FREE_BY_PREFIX)
        words = await self._most_selective_first(free.between(older_than), words)
        return await self._scan(free.with_tokens(words[:1]), words, older_than, limit)

    async def list_by_seller(
        self, user_id: str, words: Sequence[str], older_than: str | None, limit: int
    ) -> SearchPage:
        """Search a seller's tickets, sold ones included."""
        own = _IndexRange({"userId": user_id}, BY_SELLER)
        return await self._scan(own, words, older_than, limit)

    async def _scan(
        self, index_range: _IndexRange, words: Sequence[str], older_than: str | None, limit: int
    ) -> SearchPage:
        """The matches of one scan; the scan and the page end at the same id."""
        wanted, end = index_range.with_tokens(words), None
        if wanted != index_range:
            end = await self._id_at(index_range.between(older_than), SCAN_LIMIT)
        return SearchPage(
            await self._newest(wanted.between(older_than, end), limit), resume_after=end
        )

    async def _most_selective_first(
        self, index_range: _IndexRange, words: Sequence[str]
    ) -> Sequence[str]:
        """The index looks up the first word: the one whose newest tickets are the oldest."""
        longest_first = sorted(words, key=len, reverse=True)
        likely = longest_first[:MAX_CANDIDATES]
        if len(likely) < 2:
            return words
        ids = (self._id_at(index_range.with_tokens([word]), SAMPLE_SIZE) for word in likely)
        reached = [identity or "" for identity in await asyncio.gather(*ids)]
        rarest = likely[reached.index(min(reached))]
        return sorted(longest_first, key=rarest.__ne__)

    async def _newest(self, index_range: _IndexRange, limit: int) -> list[Ticket]:
        return await self._tickets.find(
            index_range.query, sort=NEWEST_FIRST, limit=limit, hint=index_range.index
        )

    async def _id_at(self, index_range: _IndexRange, rank: int) -> str | None:
        """The id of the ticket at this rank, counted from the newest; None when there are fewer."""
        match = await self._tickets.collection.find(
            index_range.query, sort=NEWEST_FIRST, skip=rank - 1, limit=1, hint=index_range.index
        )
        return match[0]["_id"] if match else None
