"""Request and response bodies."""

from enum import StrEnum
from typing import Annotated, Self

from common.contracts.events import WireModel, WireTime
from common.contracts.ids import Id
from common.contracts.money import Dollars
from common.contracts.order_status import CancelReason, OrderStatus
from common.web.bodies import ErrorMessage, RequestBody
from orders.domain import Order, StatusChange

ACTIVE = frozenset(OrderStatus) - {OrderStatus.CANCELLED}


class PlaceOrder(RequestBody):
    """The request to order a ticket."""

    ticket_id: Annotated[Id, ErrorMessage("TicketId must be provided")]


class StatusFilter(StrEnum):
    """Which orders to list."""

    CREATED = OrderStatus.CREATED.value
    AWAITING_PAYMENT = OrderStatus.AWAITING_PAYMENT.value
    COMPLETE = OrderStatus.COMPLETE.value
    CANCELLED = OrderStatus.CANCELLED.value
    ALL = "all"


def statuses_of(chosen: list[StatusFilter]) -> frozenset[OrderStatus]:
    """The statuses that a query asks for; by default everything that is not cancelled."""
    if StatusFilter.ALL in chosen:
        return frozenset(OrderStatus)
    return frozenset(OrderStatus(status.value) for status in chosen) or ACTIVE


class TicketOut(WireModel):
    """The ticket as it was at the moment of ordering; its price is what is charged."""

    id: Id
    title: str
    price: Dollars
    version: int


class StatusChangeOut(WireModel):
    """An entry of the history: the new status, when, and why if it was cancelled."""

    status: OrderStatus
    at: WireTime
    reason: CancelReason | None = None

    @classmethod
    def of(cls, change: StatusChange) -> Self:
        """One entry of the history."""
        return cls(status=change.status, at=change.at, reason=change.reason)


class OrderOut(WireModel):
    """An order as its buyer may see it."""

    id: Id
    status: OrderStatus
    user_id: str
    expires_at: WireTime
    ticket: TicketOut
    version: int
    cancel_reason: CancelReason | None = None
    history: list[StatusChangeOut]

    @classmethod
    def of(cls, order: Order) -> Self:
        """The buyer's view of an order."""
        ticket = order.ticket
        return cls(
            id=order.id,
            status=order.status,
            user_id=order.user_id,
            expires_at=order.expires_at,
            ticket=TicketOut(
                id=ticket.id, title=ticket.title, price=ticket.price, version=ticket.version
            ),
            version=order.version,
            cancel_reason=order.cancel_reason,
            history=[StatusChangeOut.of(change) for change in order.history],
        )
