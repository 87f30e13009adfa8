"""The events of one order, for tests of its consumers."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from common.contracts.events import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderedTicket,
    OrderEvent,
)
from common.contracts.ids import new_id
from common.contracts.money import Price
from common.contracts.order_status import OrderStatus

STATUS_OF: dict[type[OrderEvent], OrderStatus] = {
    OrderCreated: OrderStatus.CREATED,
    OrderAwaitingPayment: OrderStatus.AWAITING_PAYMENT,
    OrderCompleted: OrderStatus.COMPLETE,
    OrderCancelled: OrderStatus.CANCELLED,
}

Kind = TypeVar("Kind", bound=OrderEvent)


class OrderHistory:
    """The events that the orders service publishes of an order of a ticket for 19.99."""

    def __init__(
        self, buyer: str, expires_at: datetime | None = None, *, ticket_id: str | None = None
    ) -> None:
        self.id, self.ticket_id, self._buyer = new_id(), ticket_id or new_id(), buyer
        self.expires_at = expires_at or datetime.now(UTC) + timedelta(minutes=15)

    def event(self, kind: type[Kind], version: int) -> Kind:
        """The event of this type at that version."""
        return kind(
            id=self.id,
            version=version,
            status=STATUS_OF[kind],
            user_id=self._buyer,
            expires_at=self.expires_at,
            ticket=OrderedTicket(id=self.ticket_id, title="Concert", price=Price(1999)),
        )

    def snapshot(self, kind: type[OrderEvent], version: int) -> OrderCreated:
        """The snapshot that `republish` publishes after that event."""
        return OrderCreated.model_validate({**dict(self.event(kind, version)), "snapshot": True})
