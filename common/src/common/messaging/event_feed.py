"""The event feed: the recent events of a service, in memory of each replica, for SSE streams."""

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
from common.messaging.stream_position import StreamPosition
from common.messaging.topics import ALL_EVENTS, Topic, Topics
from common.messaging.watchdog import Watchdog

MAX_ITEMS = 2_000
"""How many events are kept for clients that were disconnected for a moment."""

LOOK_BACK = 5_000
"""How many messages of the stream, of any subject, are read again at the start."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FeedItem:
    """An event, and the position right after it."""

    event: Event
    position: StreamPosition


class EventFeed:
    """The last events of some subjects, in each replica, and the subscribers that wait for more.

    It follows the stream with a consumer that lives as long as the connection, and resumes from
    the last message it has received: an outage of the bus leaves no gap, and a stream that was
    replaced is noticed. Snapshots are not items.
    """

    def __init__(self, bus: Bus, subjects: Iterable[str]) -> None:
        self._bus, self._subjects = bus, list(subjects)
        self._items: deque[FeedItem] = deque(maxlen=MAX_ITEMS)
        self._begin = self._end = StreamPosition("", 0)  # the feed has all that is between the two
        self._topics = Topics()
        self._round = self._received = 0
        self._inbox: Inbox | None = None
        self._watchdog = Watchdog(bus)
        self.is_closed = False

    @property
    def position(self) -> StreamPosition | None:
        """The position after the last item; None before the stream was ever found."""
        return self._last if self._begin.stream else None

    @property
    def _last(self) -> StreamPosition:
        return self._items[-1].position if self._items else self._begin

    @property
    def subscriber_count(self) -> int:
        """How many clients are subscribed."""
        return self._topics.subscriber_count

    def since(self, position: StreamPosition) -> list[FeedItem] | None:
        """The items after a position, oldest first; None when they are no longer in memory.

        Another replica may have sent more than has been received here so far.
        """
        newer = takewhile(
            lambda item: item.position.sequence > position.sequence, reversed(self._items)
        )
        found = list(newer)[::-1]
        count = len(found)
        before = self._items[-1 - count].position if count < len(self._items) else self._begin
        return found if position == before or position.is_beyond(self._last) else None

    def subscribe(self, topic: str) -> AbstractContextManager[Topic]:
        """Subscribe to the events of an aggregate, or to `ALL_EVENTS`, for the block."""
        return self._topics.subscribe(topic)

    async def start(self) -> None:
        """Resume; called after each connection, and when no heartbeat comes any more.

        A failure is retried and not raised: the feed must not keep a service from working.
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
        received = self._end.sequence  # more may arrive while NATS is asked
        stream, first, last = await consumers.extent()
        self._round, self._received = self._round + 1, 0
        if stream == self._end.stream and last < received:
            self._went_back(last)
        if stream != self._end.stream or not first - 1 <= received <= last:
            self._reset(StreamPosition(stream, max(first - 1, last - LOOK_BACK, 0)))
        await self._unsubscribe()
        self._inbox = await self._bus.subscribe_inbox(partial(self._receive, self._round))
        has_received = self._end.time > 0
        start = self._end.sequence if has_received else self._end.sequence + 1
        await consumers.follow(self._inbox.address, self._subjects, start)

    def _went_back(self, sequence: int) -> None:
        log.warning("the stream went back", extra={"from": self._end.sequence, "to": sequence})

    def _reset(self, position: StreamPosition) -> None:
        self._items.clear()
        self._begin = self._end = position
        self._topics.notify_all()

    def close(self) -> None:
        """End all subscriptions."""
        self.is_closed = True
        self._topics.notify_all()

    async def stop(self, _seconds: float) -> None:
        """Stop following the stream."""
        self.close()
        self._watchdog.stop()
        await self._unsubscribe()

    async def _unsubscribe(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox:
            await inbox.close()

    async def _receive(self, of_round: int, message: Delivery | PullStatus) -> None:
        if of_round != self._round:
            return
        self._watchdog.seen()
        self._received += isinstance(message, Delivery)
        if message.consumer_sequence not in {None, self._received}:  # something got lost
            self._follow_again()
        elif isinstance(message, Delivery):
            self._append(message)

    def _follow_again(self) -> None:
        self._round += 1
        self._bus.resubscribe_soon()

    def _append(self, delivery: Delivery) -> None:
        stored_at = int(delivery.stored_at.timestamp() * 1e6)
        position = StreamPosition(self._end.stream, delivery.sequence, stored_at)
        if position == self._end:  # where it resumed
            return
        if position.sequence <= self._end.sequence:  # it is another one than was received
            self._went_back(position.sequence - 1)
            self._end = StreamPosition("", 0)  # so that it is reset
            self._follow_again()
            return
        self._end = position
        self._add_item(delivery)

    def _add_item(self, delivery: Delivery) -> None:
        try:
            event = decode(delivery)
        except UndecodableMessage:  # the service's consumer reports it
            return
        if event.snapshot:
            return
        if len(self._items) == MAX_ITEMS:
            self._begin = self._items[0].position
        self._items.append(FeedItem(event, self._end))
        self._topics.notify(ALL_EVENTS, event.aggregate_id)
