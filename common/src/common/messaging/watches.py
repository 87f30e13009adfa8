"""Who waits for what: those who watch the same thing wake together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from common.waiting import wait_for_event

ANYTHING = ""
"""Watches all events instead of those of one aggregate."""

T = TypeVar("T")


class Watch:
    """Wakes those who wait for the same thing."""

    def __init__(self) -> None:
        self.news = 0
        self.followers = 0
        self._arrival = asyncio.Event()
        self._reading = asyncio.Lock()
        self._found: tuple[int, object] | None = None

    def wake(self) -> None:
        """Something has happened."""
        self.news += 1
        arrival, self._arrival = self._arrival, asyncio.Event()
        arrival.set()

    async def beyond(self, seen: int, seconds: float) -> bool:
        """Wait until there is more news than the caller has seen; False when the time is over."""
        if self.news == seen:
            await wait_for_event(self._arrival, seconds)
        return self.news != seen

    async def read(self, load: Callable[[], Awaitable[T]]) -> T:
        """What `load` gives, asked once after each piece of news however many want to know."""
        async with self._reading:
            if self._found is None or self._found[0] != self.news:
                self._found = (self.news, await load())
            return cast("T", self._found[1])


class Watches:
    """One watch for each thing that somebody waits for."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}

    @property
    def followers(self) -> int:
        """How many watch anything."""
        return sum(watch.followers for watch in self._watches.values())

    @contextmanager
    def watching(self, what: str) -> Iterator[Watch]:
        """Be woken for as long as the block."""
        watch = self._watches.setdefault(what, Watch())
        watch.followers += 1
        try:
            yield watch
        finally:
            watch.followers -= 1
            if not watch.followers:
                del self._watches[what]

    def wake(self, *things: str) -> None:
        """Something has happened to these."""
        for what in things:
            if watch := self._watches.get(what):
                watch.wake()

    def wake_all(self) -> None:
        """Everybody shall look again."""
        for watch in self._watches.values():
            watch.wake()
