"""The order aggregate: its state machine and domain errors."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Self, TypeVar

from common import clock
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
from common.contracts.order_status import CancelReason, OrderStatus
from common.errors import Conflict, Forbidden, NotFound


class TicketNotFound(NotFound):
    """There is no such ticket."""


class OrderNotFound(NotFound):
    """There is no such order."""


class NotTheBuyer(Forbidden):
    """Only the buyer may see or change an order."""

    message = "This is somebody else's order"


class TicketAlreadyReserved(Conflict):
    """Another order holds the ticket."""

    message = "Ticket is already reserved"


class OrderAlreadyPaid(Conflict):
    """A paid order cannot be cancelled."""

    message = "Cannot cancel a paid order"


EVENT_OF: dict[OrderStatus, type[OrderEvent]] = {
    OrderStatus.CREATED: OrderCreated,
    OrderStatus.AWAITING_PAYMENT: OrderAwaitingPayment,
    OrderStatus.COMPLETE: OrderCompleted,
    OrderStatus.CANCELLED: OrderCancelled,
}

E = TypeVar("E", bound=OrderEvent)


@dataclass(frozen=True)
class Ticket:
    """The replica of a ticket, as the tickets service last announced it."""

    id: str
    version: int
    title: str
    price: Price


@dataclass(frozen=True)
class StatusChange:
    """One entry of an order's history: the status it changed to, and when."""

    status: OrderStatus
    at: datetime
    reason: CancelReason | None = None


@dataclass(frozen=True)
class Order:
    """A buyer's reservation of a ticket, with the ticket as it was when it was ordered."""

    id: str
    version: int
    status: OrderStatus
    user_id: str
    expires_at: datetime
    ticket: Ticket
    cancel_reason: CancelReason | None = None
    history: tuple[StatusChange, ...] = field(default=(), compare=False)

    @classmethod
    def place(cls, ticket: Ticket, buyer: str, window: timedelta) -> Self:
        """Reserve the ticket for the buyer until the order window ends."""
        now = _now()
        first = StatusChange(OrderStatus.CREATED, now)
        expires_at = _whole_milliseconds(now + window)
        return cls(new_id(), 0, first.status, buyer, expires_at, ticket, history=(first,))

    @property
    def holds_ticket(self) -> bool:
        """Whether nobody else may order the ticket."""
        return self.status is not OrderStatus.CANCELLED

    def visible_to(self, user_id: str) -> Self:
        """The order itself if the user is its buyer; raises NotTheBuyer."""
        if user_id != self.user_id:
            raise NotTheBuyer
        return self

    def confirm(self) -> Self:
        """The tickets service has reserved the ticket."""
        return self._transition(OrderStatus.AWAITING_PAYMENT)

    def complete(self) -> Self:
        """The price is held on the buyer's card."""
        return self._transition(OrderStatus.COMPLETE)

    def cancel(self, reason: CancelReason) -> Self:
        """Release the ticket; an order that is final already stays as it is."""
        return self._transition(OrderStatus.CANCELLED, reason)

    def cancel_by(self, user_id: str) -> Self:
        """Cancellation by the buyer; raises NotTheBuyer and OrderAlreadyPaid."""
        if self.visible_to(user_id).status is OrderStatus.COMPLETE:
            raise OrderAlreadyPaid
        return self.cancel(CancelReason.BUYER)

    def _transition(self, status: OrderStatus, reason: CancelReason | None = None) -> Self:
        """The next version, or this one when the transition table does not allow the change."""
        if not self.status.may_become(status):
            return self
        history = (*self.history, StatusChange(status, _now(), reason))
        version = self.version + 1
        return replace(self, version=version, status=status, cancel_reason=reason, history=history)

    @property
    def event(self) -> OrderEvent:
        """The event that announces this version."""
        return self._event(EVENT_OF[self.status])

    @property
    def snapshot(self) -> OrderCreated:
        """The whole state, on the subject to which every service with a replica subscribes."""
        return self._event(OrderCreated, snapshot=True)

    def _event(self, kind: type[E], *, snapshot: Literal[True] | None = None) -> E:
        return kind(
            id=self.id,
            version=self.version,
            status=self.status,
            user_id=self.user_id,
            expires_at=self.expires_at,
            ticket=OrderedTicket(
                id=self.ticket.id, title=self.ticket.title, price=self.ticket.price
            ),
            cancel_reason=self.cancel_reason,
            snapshot=snapshot,
        )


def _now() -> datetime:
    return _whole_milliseconds(clock.now())


def _whole_milliseconds(moment: datetime) -> datetime:
    """The precision with which the database stores times."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
