"""What a service announces, heard by every replica of it at once, for those who watch it happen."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TypeVar, cast

from typing_extensions import override

from common.contracts.events import Event
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery, Inbox, PullStatus
from common.messaging.envelope import Unreadable, event_of
from common.messaging.streams import HEARTBEAT_SECONDS

REMEMBERED = 2_000
"""How many events are kept for those who were away for a moment."""

LOOK_BACK = 5_000
"""How many messages of the stream, of whatever kind, are heard once more at the start."""

ANYTHING = ""
"""Watches all events instead of those of one aggregate."""

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A place in a stream: after the message of that number. It has a text for clients to keep."""

    stream: str
    number: int

    @classmethod
    def of(cls, text: str) -> "Place":
        """What `str` made of a place; of anything else a place that is nowhere."""
        stream, _, number = text.partition("-")
        plausible = number.isascii() and number.isdecimal() and len(number) < 20
        return cls(stream, int(number)) if plausible else cls("", -1)

    @override
    def __str__(self) -> str:
        return f"{self.stream}-{self.number}"


@dataclass(frozen=True, eq=False)
class News:
    """An event, and the place right after it."""

    event: Event
    place: Place


class Watch:
    """Wakes those who wait for the same thing."""

    def __init__(self) -> None:
        self.followers = 0
        self.news = 0
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
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._arrival.wait()
        return self.news != seen

    async def read(self, load: Callable[[], Awaitable[T]]) -> T:
        """What `load` gives, asked once after each piece of news however many want to know."""
        async with self._reading:
            if self._found is None or self._found[0] != self.news:
                self._found = (self.news, await load())
            return cast("T", self._found[1])


class Live:
    """The last events of some subjects, each replica's own copy, and who waits for more.

    It follows the stream with a consumer that lives as long as the connection, and goes on after
    the last message it has heard: no outage of the bus makes a gap. Snapshots are no news.
    """

    def __init__(self, bus: Bus, subjects: Iterable[str]) -> None:
        self._bus, self._subjects = bus, list(subjects)
        self._log: deque[News] = deque(maxlen=REMEMBERED)
        self._begin = self._place = Place("", 0)  # the log has all that is between the two
        self._watches: dict[str, Watch] = {}
        self._round = self._heard = 0
        self._seen = time.monotonic()
        self._inbox: Inbox | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self.is_closed = False

    @property
    def place(self) -> Place | None:
        """Up to where the stream has been heard; None before it was ever found."""
        return self._place if self._place.stream else None

    @property
    def followers(self) -> int:
        """How many watch."""
        return sum(watch.followers for watch in self._watches.values())

    def since(self, place: Place) -> list[News] | None:
        """What came after a place, oldest first; None when that is not known any more."""
        if place.stream != self._place.stream or place.number < self._begin.number:
            return None
        newer = takewhile(lambda news: news.place.number > place.number, reversed(self._log))
        return list(newer)[::-1]

    @contextmanager
    def watching(self, what: str) -> Iterator[Watch]:
        """Be woken by all events of an aggregate, or by `ANYTHING`, for as long as the block."""
        watch = self._watches.setdefault(what, Watch())
        watch.followers += 1
        try:
            yield watch
        finally:
            watch.followers -= 1
            if not watch.followers:
                self._watches.pop(what, None)

    async def start(self) -> None:
        """Hear what came since; called after each connection, and when nothing comes any more."""
        if self.is_closed:
            return
        stream, first, last = await self._bus.streams.extent()
        if stream != self._place.stream:
            self._begin_with(Place(stream, max(first - 1, last - LOOK_BACK, 0)))
        await self._leave()
        self._round, self._heard, self._seen = self._round + 1, 0, time.monotonic()
        self._inbox = await self._bus.listen(partial(self._receive, self._round))
        first = self._place.number + 1
        await self._bus.streams.follow(self._inbox.address, self._subjects, first)
        self._watchdog = self._watchdog or asyncio.create_task(self._notice_silence())

    def _begin_with(self, place: Place) -> None:
        self._log.clear()
        self._begin = self._place = place
        self._wake_all()

    def close(self) -> None:
        """Nobody shall wait any more."""
        self.is_closed = True
        self._wake_all()

    async def stop(self, _seconds: float) -> None:
        """Hear nothing more."""
        self.close()
        if self._watchdog:
            self._watchdog.cancel()
        await self._leave()

    async def _leave(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox:
            await inbox.close()

    def _wake_all(self) -> None:
        for watch in self._watches.values():
            watch.wake()

    async def _receive(self, of_round: int, message: Delivery | PullStatus) -> None:
        if of_round != self._round:
            return
        if isinstance(message, Delivery):
            self._heard += 1
            if message.position != self._heard:  # one got lost: hear it again
                self._round += 1
                self._bus.prepare_again()
                return
            self._take(message)
        self._seen = time.monotonic()

    def _take(self, delivery: Delivery) -> None:
        self._place = Place(self._place.stream, delivery.sequence)
        try:
            event = event_of(delivery)
        except Unreadable:  # the service's consumer says so
            return
        if event.snapshot:
            return
        if len(self._log) == REMEMBERED:
            self._begin = self._log[0].place
        self._log.append(News(event, self._place))
        for what in (ANYTHING, event.aggregate_id):
            if watch := self._watches.get(what):
                watch.wake()

    async def _notice_silence(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self._bus.is_connected and time.monotonic() - self._seen > 2.5 * HEARTBEAT_SECONDS:
                self._bus.prepare_again()  # which starts this anew
