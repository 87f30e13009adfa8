"""What a service announces, heard by every replica of it at once, for those who watch it happen."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from typing_extensions import override

from common.contracts.events import Event
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery, Inbox, PullStatus
from common.messaging.envelope import Unreadable, event_of
from common.messaging.live_consumers import HEARTBEAT_SECONDS
from common.messaging.watches import ANYTHING, Watch, Watches

REMEMBERED = 2_000
"""How many events are kept for those who were away for a moment."""

LOOK_BACK = 5_000
"""How many messages of the stream, of whatever kind, are heard once more at the start."""

log = logging.getLogger(__name__)


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


class Live:
    """The last events of some subjects, each replica's own copy, and who waits for more.

    It follows the stream with a consumer that lives as long as the connection, and goes on after
    the last message it has heard: no outage of the bus makes a gap. Snapshots are no news.
    """

    def __init__(self, bus: Bus, subjects: Iterable[str]) -> None:
        self._bus, self._subjects = bus, list(subjects)
        self._log: deque[News] = deque(maxlen=REMEMBERED)
        self._begin = self._place = Place("", 0)  # the log has all that is between the two
        self._watches = Watches()
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
        return self._watches.followers

    def since(self, place: Place) -> list[News] | None:
        """What came after a place, oldest first; None when that is not known any more."""
        if place.stream != self._place.stream or place.number < self._begin.number:
            return None
        newer = takewhile(lambda news: news.place.number > place.number, reversed(self._log))
        return list(newer)[::-1]

    def watching(self, what: str) -> AbstractContextManager[Watch]:
        """Be woken by all events of an aggregate, or by `ANYTHING`, for as long as the block."""
        return self._watches.watching(what)

    async def start(self) -> None:
        """Hear what came since; called after each connection, and when nothing comes any more.

        When that fails it is tried again: whoever waits here must not keep a service from working.
        """
        if self.is_closed:
            return
        self._watchdog = self._watchdog or asyncio.create_task(self._notice_silence())
        try:
            await self._follow()
        except Unavailable as error:
            log.warning("event streams stand still", extra={"error": str(error)})

    async def _follow(self) -> None:
        consumers = self._bus.live_consumers
        stream, first, last = await consumers.extent()
        if stream != self._place.stream:
            self._begin_with(Place(stream, max(first - 1, last - LOOK_BACK, 0)))
        await self._leave()
        self._round, self._heard, self._seen = self._round + 1, 0, time.monotonic()
        self._inbox = await self._bus.listen(partial(self._receive, self._round))
        await consumers.follow(self._inbox.address, self._subjects, self._place.number + 1)

    def _begin_with(self, place: Place) -> None:
        self._log.clear()
        self._begin = self._place = place
        self._watches.wake_all()

    def close(self) -> None:
        """Nobody shall wait any more."""
        self.is_closed = True
        self._watches.wake_all()

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

    async def _receive(self, of_round: int, message: Delivery | PullStatus) -> None:
        if of_round != self._round:
            return
        self._seen = time.monotonic()
        self._heard += isinstance(message, Delivery)
        if message.position not in {None, self._heard}:  # something got lost: hear it again
            self._round += 1
            self._bus.prepare_again()
        elif isinstance(message, Delivery):
            self._take(message)

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
        self._watches.wake(ANYTHING, event.aggregate_id)

    async def _notice_silence(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self._bus.is_connected and time.monotonic() - self._seen > 2.5 * HEARTBEAT_SECONDS:
                self._bus.prepare_again()  # which starts this anew
