"""One order as it changes, for the buyer who waits for it."""

from functools import partial

from fastapi.sse import format_sse_event

from common.messaging.watches import Watch
from orders.domain import Order
from orders.repository import OrderRepository
from orders.schemas import OrderOut


class Story:
    """Tells an order as it is, and again after each change, until it is complete or cancelled."""

    def __init__(self, order_id: str, orders: OrderRepository) -> None:
        self._read = partial(orders.get, order_id)
        self._told: Order | None = None

    @property
    def is_done(self) -> bool:
        """Whether the end has been told."""
        return self._told is not None and self._told.status.is_final

    async def tell(self, watch: Watch) -> bytes:
        """The order, unless it was told already."""
        if self._told is None:
            order = await self._read()
        else:
            order = await watch.read(self._read)
        if self._told and order.version <= self._told.version:
            return b""
        self._told = order
        body = OrderOut.of(order).model_dump_json(exclude_none=True)
        return format_sse_event(event="order", data_str=body, id=str(order.version))
