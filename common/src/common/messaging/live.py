"""What a service announces, heard by every replica of it at once, for those who watch it happen."""

import logging
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

from common.contracts.events import Event
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.cloudevents import UndecodableMessage, decode
from common.messaging.delivery import Delivery, Inbox, PullStatus
from common.messaging.place import Place
from common.messaging.watchdog import Watchdog
from common.messaging.watches import ANYTHING, Watch, Watches

REMEMBERED = 2_000
"""How many events are kept for those who were away for a moment."""

LOOK_BACK = 5_000
"""How many messages of the stream, of whatever kind, are heard once more at the start."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class News:
    """An event, and the place right after it."""

    event: Event
    place: Place


class Live:
    """The last events of some subjects, each replica's own copy, and who waits for more.

    It follows the stream with a consumer that lives as long as the connection, and goes on with
    the last message it has heard: no outage of the bus makes a gap, and a stream that is not the
    same any more is noticed. Snapshots are no news.
    """

    def __init__(self, bus: Bus, subjects: Iterable[str]) -> None:
        self._bus, self._subjects = bus, list(subjects)
        self._log: deque[News] = deque(maxlen=REMEMBERED)
        self._begin = self._place = Place("", 0)  # the log has all that is between the two
        self._watches = Watches()
        self._round = self._heard = 0
        self._inbox: Inbox | None = None
        self._watchdog = Watchdog(bus)
        self.is_closed = False

    @property
    def place(self) -> Place | None:
        """The last place that is told to anybody; None before the stream was ever found."""
        return self._last if self._begin.stream else None

    @property
    def _last(self) -> Place:
        return self._log[-1].place if self._log else self._begin

    @property
    def followers(self) -> int:
        """How many watch."""
        return self._watches.followers

    def since(self, place: Place) -> list[News] | None:
        """What came after a place, oldest first; None when that is not known any more.

        Another replica may have told more than has been heard here so far.
        """
        newer = takewhile(lambda news: news.place.number > place.number, reversed(self._log))
        found = list(newer)[::-1]
        before = self._log[-1 - len(found)].place if len(found) < len(self._log) else self._begin
        return found if place == before or place.is_beyond(self._last) else None

    def watching(self, what: str) -> AbstractContextManager[Watch]:
        """Be woken by all events of an aggregate, or by `ANYTHING`, for as long as the block."""
        return self._watches.watching(what)

    async def start(self) -> None:
        """Hear what came since; called after each connection, and when nothing comes any more.

        When that fails it is tried again: whoever waits here must not keep a service from working.
        """
        if self.is_closed:
            return
        try:
            await self._follow()
        except Unavailable as error:
            log.warning("event streams stand still", extra={"error": str(error)})
        self._watchdog.begin()

    async def _follow(self) -> None:
        consumers = self._bus.live_consumers
        heard = self._place.number  # more may come while NATS is asked
        stream, first, last = await consumers.extent()
        self._round, self._heard = self._round + 1, 0
        if stream == self._place.stream and last < heard:
            self._went_back(last)
        if stream != self._place.stream or not first - 1 <= heard <= last:
            self._begin_with(Place(stream, max(first - 1, last - LOOK_BACK, 0)))
        await self._leave()
        self._inbox = await self._bus.listen(partial(self._receive, self._round))
        heard_it = self._place.time > 0
        start = self._place.number if heard_it else self._place.number + 1
        await consumers.follow(self._inbox.address, self._subjects, start)

    def _went_back(self, number: int) -> None:
        log.warning("the stream went back", extra={"from": self._place.number, "to": number})

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
        self._watchdog.stop()
        await self._leave()

    async def _leave(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox:
            await inbox.close()

    async def _receive(self, of_round: int, message: Delivery | PullStatus) -> None:
        if of_round != self._round:
            return
        self._watchdog.seen()
        self._heard += isinstance(message, Delivery)
        if message.consumer_sequence not in {
            None,
            self._heard,
        }:  # something got lost: hear it again
            self._hear_again()
        elif isinstance(message, Delivery):
            self._take(message)

    def _hear_again(self) -> None:
        self._round += 1
        self._bus.prepare_again()

    def _take(self, delivery: Delivery) -> None:
        came_at = int(delivery.stored_at.timestamp() * 1e6)
        place = Place(self._place.stream, delivery.sequence, came_at)
        if place == self._place:  # where it went on
            return
        if place.number <= self._place.number:  # it is another one than was heard
            self._went_back(place.number - 1)
            self._place = Place("", 0)  # so that it begins anew
            self._hear_again()
            return
        self._place = place
        self._note(delivery)

    def _note(self, delivery: Delivery) -> None:
        """Remember what is news."""
        try:
            event = decode(delivery)
        except UndecodableMessage:  # the service's consumer says so
            return
        if event.snapshot:
            return
        if len(self._log) == REMEMBERED:
            self._begin = self._log[0].place
        self._log.append(News(event, self._place))
        self._watches.wake(ANYTHING, event.aggregate_id)
