"""Lists by pages: newest first, the next page in a `Link` header (RFC 8288)."""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Query, Request, Response

from common.contracts.ids import ID_PATTERN

DEFAULT_LIMIT = 50


class Identified(Protocol):
    """Something with an id that sorts by its age."""

    @property
    def id(self) -> str:
        """24 hex characters."""


T = TypeVar("T", bound=Identified)


class Page:
    """Which part of a list is wanted: `limit` items older than `cursor`."""

    def __init__(
        self, request: Request, response: Response, limit: int, cursor: str | None
    ) -> None:
        self.limit, self.cursor = limit, cursor
        self._request, self._response = request, response

    @property
    def wanted(self) -> int:
        """How many to look up: one more than shown tells whether there is a next page."""
        return self.limit + 1

    def of(self, found: Sequence[T]) -> Sequence[T]:
        """The items to show; links to the next page when there is one."""
        shown = found[: self.limit]
        if len(found) > self.limit:
            url = self._request.url.include_query_params(limit=self.limit, cursor=shown[-1].id)
            self._response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return shown


async def page(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=100)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Page:
    """The page that the query asks for."""
    return Page(request, response, limit, cursor)


PageQuery = Annotated[Page, Depends(page)]
