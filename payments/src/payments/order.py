"""The replica of an order, and when it can be paid."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from common.contracts.events import OrderEvent
from common.contracts.order_status import OrderStatus
from common.errors import Conflict, Forbidden, NotFound


class OrderNotFound(NotFound):
    """There is no such order."""


class NotTheBuyer(Forbidden):
    """Only the buyer may see or pay an order."""

    message = "This is somebody else's order"


class OrderNotPayable(Conflict):
    """The order is cancelled, expired or already paid."""

    message = "Cannot pay for a cancelled order"


@dataclass(frozen=True)
class Order:
    """The replica of an order, as the orders service last announced it."""

    id: str
    version: int
    status: OrderStatus
    user_id: str
    amount_cents: int
    expires_at: datetime

    @classmethod
    def of(cls, event: OrderEvent) -> Self:
        """The replica that an event describes."""
        cents = event.ticket.price.cents
        return cls(event.id, event.version, event.status, event.user_id, cents, event.expires_at)

    def ensure_payable(self, now: datetime, margin: timedelta) -> None:
        """Raise OrderNotPayable when no payment may start any more."""
        if self.status is OrderStatus.CANCELLED:
            raise OrderNotPayable
        if self.status is OrderStatus.COMPLETE:
            raise OrderNotPayable("The order is complete")
        if now >= self.expires_at:
            raise OrderNotPayable("The order has expired")
        if now >= self.expires_at - margin:
            raise OrderNotPayable("The order is about to expire")
