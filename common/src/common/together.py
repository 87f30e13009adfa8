"""Calls that are made at the same time are made as one: a round trip costs what it costs."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from common.errors import Unavailable

PAGE = 500
"""How many calls are made as one at most."""

AT_ONCE = 4
"""How many pages are under way side by side, so that one slow page does not stop everybody."""

T = TypeVar("T")
R = TypeVar("R")

_Call = tuple[T, asyncio.Future[R]]


class Together(Generic[T, R]):
    """A function of one thing, made of a function of many.

    Who calls alone is served at once; who calls while pages are under way shares the next one.
    `work` gives, for each thing in its order, a result or the exception to raise. When it fails as
    a whole, it is asked again for each thing by itself: that has to do no harm.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._work = work
        self._waiting: deque[_Call[T, R]] = deque()
        self._pages: set[asyncio.Task[None]] = set()

    async def __call__(self, thing: T) -> R:
        """The result for this thing."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((thing, result))
        if len(self._pages) < AT_ONCE:
            page = asyncio.create_task(self._serve())  # begins when all who are ready have called
            self._pages.add(page)
            page.add_done_callback(self._pages.discard)
        return await result

    async def _serve(self) -> None:
        while self._waiting:
            size = min(PAGE, len(self._waiting))
            await self._serve_page([self._waiting.popleft() for _ in range(size)])

    async def _serve_page(self, page: Sequence[_Call[T, R]]) -> None:
        """One bad thing must not spoil it for others: what fails in company is tried alone."""
        try:
            results = await self._work([thing for thing, _ in page])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who called
            if len(page) == 1 or isinstance(error, Unavailable):
                _answer(page, [error] * len(page))
                return
            for call in page:
                await self._serve_page([call])
        else:
            _answer(page, results)


def _answer(page: Sequence[_Call[T, R]], results: Sequence[R | Exception]) -> None:
    for (_, answer), result in zip(page, results, strict=True):
        if answer.done():  # the caller has given up
            continue
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
