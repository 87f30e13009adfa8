"""The Server-Sent Events of all tickets."""

from functools import lru_cache

from fastapi.sse import format_sse_event

from common.contracts.events import TicketCreated, TicketUpdated
from common.messaging.event_feed import EventFeed, FeedItem
from common.messaging.stream_position import StreamPosition
from common.messaging.topics import Topic
from tickets.schemas import TicketOut


class TicketStream:
    """Sends each ticket that is listed, edited, held, freed or sold after a stream position.

    Sends `reset` when the events after that position are no longer in memory.
    """

    is_done = False

    def __init__(self, feed: EventFeed, last_event_id: str | None) -> None:
        self._feed = feed
        self._position = StreamPosition.of(last_event_id) if last_event_id is not None else None

    async def next_events(self, _: Topic) -> bytes:
        """The events since the last call."""
        if self._position is None:
            self._position = self._feed.position
            return format_sse_event(id=str(self._position))
        item = self._feed.since(self._position)
        if item is None:
            self._position = self._feed.position
            return format_sse_event(event="reset", data_str="{}", id=str(self._position))
        if item:
            self._position = item[-1].position
        return b"".join(map(_serialized, item))


@lru_cache(maxsize=256)
def _serialized(item: FeedItem) -> bytes:
    """The SSE event, serialized once for all subscribers."""
    assert isinstance(item.event, TicketCreated | TicketUpdated)  # noqa: S101 - what is watched
    ticket = TicketOut.of(item.event).model_dump_json(exclude_none=True)
    return format_sse_event(event="ticket", data_str=ticket, id=str(item.position))
