"""The Server-Sent Events of one order."""

from functools import partial

from fastapi.sse import format_sse_event

from common.messaging.topics import Topic
from orders.domain import Order
from orders.repository import OrderRepository
from orders.schemas import OrderOut


class OrderStream:
    """Sends the order, and sends it again after each change, until it is complete or cancelled."""

    def __init__(self, order_id: str, orders: OrderRepository) -> None:
        self._read = partial(orders.get, order_id)
        self._last_sent: Order | None = None

    @property
    def is_done(self) -> bool:
        """Whether the final status has been sent."""
        return self._last_sent is not None and self._last_sent.status.is_final

    async def next_events(self, topic: Topic) -> bytes:
        """The order as an SSE event, or nothing if this version was sent already."""
        if self._last_sent is None:
            order = await self._read()
        else:
            order = await topic.read_shared(self._read)
        if self._last_sent and order.version <= self._last_sent.version:
            return b""
        self._last_sent = order
        body = OrderOut.of(order).model_dump_json(exclude_none=True)
        return format_sse_event(event="order", data_str=body, id=str(order.version))
