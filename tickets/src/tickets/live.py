"""The Server-Sent Events of all tickets."""

from functools import lru_cache

from fastapi.sse import format_sse_event

from common.contracts.events import TicketCreated, TicketUpdated
from common.messaging.live import Live, News
from common.messaging.place import Place
from common.messaging.watches import Watch
from tickets.schemas import TicketOut


class TicketStream:
    """Sends each ticket that is listed, edited, held, freed or sold after a stream position.

    Sends `reset` when the events after that position are no longer in memory.
    """

    is_done = False

    def __init__(self, live: Live, last_event_id: str | None) -> None:
        self._live = live
        self._place = Place.of(last_event_id) if last_event_id is not None else None

    async def tell(self, _: Watch) -> bytes:
        """The events since the last call."""
        if self._place is None:
            self._place = self._live.place
            return format_sse_event(id=str(self._place))
        news = self._live.since(self._place)
        if news is None:
            self._place = self._live.place
            return format_sse_event(event="reset", data_str="{}", id=str(self._place))
        if news:
            self._place = news[-1].place
        return b"".join(map(_serialized, news))


@lru_cache(maxsize=256)
def _serialized(news: News) -> bytes:
    """The SSE event, serialized once for all subscribers."""
    assert isinstance(news.event, TicketCreated | TicketUpdated)  # noqa: S101 - what is watched
    ticket = TicketOut.of(news.event).model_dump_json(exclude_none=True)
    return format_sse_event(event="ticket", data_str=ticket, id=str(news.place))
