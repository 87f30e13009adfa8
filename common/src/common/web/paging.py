"""Cursor pagination: newest first, the next page in a `Link` header (RFC 8288)."""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request

from common.contracts.ids import ID_PATTERN

DEFAULT_LIMIT = 50


class Identified(Protocol):
    """Something with an id that sorts by its age."""

    @property
    def id(self) -> str:
        """24 hex characters."""


T = TypeVar("T", bound=Identified)


class Page:
    """The requested page: `limit` items older than `cursor`."""

    def __init__(self, request: Request, limit: int, cursor: str | None) -> None:
        self.limit, self.cursor = limit, cursor
        self._request = request

    @property
    def fetch_limit(self) -> int:
        """How many to fetch: one more than shown, to know whether there is a next page."""
        return self.limit + 1

    def items(self, found: Sequence[T]) -> Sequence[T]:
        """The items of this page."""
        return found[: self.limit]

    def link_header(
        self, found: Sequence[Identified], resume_after: str | None = None
    ) -> dict[str, str]:
        """The `Link` header to the next page, if there is one.

        `resume_after` is the id at which a search stopped before the page was full.
        """
        cursor = found[self.limit - 1].id if len(found) > self.limit else resume_after
        if cursor is None:
            return {}
        asked = self._request.query_params.multi_items()
        kept = [(name, value) for name, value in asked if name not in {"limit", "cursor"}]
        query = urlencode([*kept, ("limit", self.limit), ("cursor", cursor)])
        return {"Link": f'<{self._request.scope["path"]}?{query}>; rel="next"'}


async def page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Page:
    """The page that the query string requests."""
    return Page(request, limit, cursor)


PageQuery = Annotated[Page, Depends(page)]
