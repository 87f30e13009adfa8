"""Topics of the event feed: subscribers wait until something changes, and read it together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from common.waiting import wait_for_event

ALL_EVENTS = ""
"""The topic of all events, instead of those of one aggregate."""

T = TypeVar("T")


class Topic:
    """Wakes its subscribers; `generation` counts the changes."""

    def __init__(self) -> None:
        self.generation = 0
        self.subscriber_count = 0
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()
        self._shared: tuple[int, object] | None = None

    def notify(self) -> None:
        """Something has changed."""
        self.generation += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for_change(self, generation: int, seconds: float) -> bool:
        """Wait for a generation after this one; False after a timeout."""
        if self.generation == generation:
            await wait_for_event(self._changed, seconds)
        return self.generation != generation

    async def read_shared(self, load: Callable[[], Awaitable[T]]) -> T:
        """The result of `load`, which is called once a generation for all subscribers."""
        async with self._reading:
            if self._shared is None or self._shared[0] != self.generation:
                self._shared = (self.generation, await load())
            return cast("T", self._shared[1])


class Topics:
    """The topics that have subscribers."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    @property
    def subscriber_count(self) -> int:
        """The number of subscribers of all topics."""
        return sum(topic.subscriber_count for topic in self._topics.values())

    @contextmanager
    def subscribe(self, name: str) -> Iterator[Topic]:
        """Subscribe for the block."""
        topic = self._topics.setdefault(name, Topic())
        topic.subscriber_count += 1
        try:
            yield topic
        finally:
            topic.subscriber_count -= 1
            if not topic.subscriber_count:
                del self._topics[name]

    def notify(self, *names: str) -> None:
        """Something has changed on these topics."""
        for name in names:
            if topic := self._topics.get(name):
                topic.notify()

    def notify_all(self) -> None:
        """Wake all subscribers."""
        for topic in self._topics.values():
            topic.notify()
