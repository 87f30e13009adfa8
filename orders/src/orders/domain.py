"""The order, its rules and refusals."""

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
    """An order is its buyer's business alone."""

    message = "This is somebody else's order"


class TicketAlreadyReserved(Conflict):
    """Another order holds the ticket."""

    message = "Ticket is already reserved"


class OrderAlreadyPaid(Conflict):
    """What is paid stays."""

    message = "Cannot cancel a paid order"


EVENT_OF: dict[OrderStatus, type[OrderEvent]] = {
    OrderStatus.CREATED: OrderCreated,
    OrderStatus.AWAITING_PAYMENT: OrderAwaitingPayment,
    OrderStatus.COMPLETE: OrderCompleted,
    OrderStatus.CANCELLED: OrderCancelled,
}

Told = TypeVar("Told", bound=OrderEvent)


@dataclass(frozen=True)
class Ticket:
    """The ticket as the tickets service last announced it."""

    id: str
    version: int
    title: str
    price: Price


@dataclass(frozen=True)
class Step:
    """What an order became, and when."""

    status: OrderStatus
    at: datetime
    reason: CancelReason | None = None


@dataclass(frozen=True)
class Order:
    """A buyer's hold on a ticket, with the ticket as it was at the moment of ordering."""

    id: str
    version: int
    status: OrderStatus
    user_id: str
    expires_at: datetime
    ticket: Ticket
    cancel_reason: CancelReason | None = None
    history: tuple[Step, ...] = field(default=(), compare=False)

    @classmethod
    def place(cls, ticket: Ticket, buyer: str, window: timedelta) -> Self:
        """Hold the ticket for the buyer until the window is over."""
        now = _now()
        begun = Step(OrderStatus.CREATED, now)
        expires_at = _whole_milliseconds(now + window)
        return cls(new_id(), 0, begun.status, buyer, expires_at, ticket, history=(begun,))

    @property
    def holds_ticket(self) -> bool:
        """Whether nobody else may order the ticket."""
        return self.status is not OrderStatus.CANCELLED

    def shown_to(self, user_id: str) -> Self:
        """The order itself, for its buyer only."""
        if user_id != self.user_id:
            raise NotTheBuyer
        return self

    def confirm(self) -> Self:
        """The tickets service has reserved the ticket."""
        return self._become(OrderStatus.AWAITING_PAYMENT)

    def complete(self) -> Self:
        """The price is held on the buyer's card."""
        return self._become(OrderStatus.COMPLETE)

    def cancel(self, reason: CancelReason) -> Self:
        """Give the ticket back; whatever is final already stays as it is."""
        return self._become(OrderStatus.CANCELLED, reason)

    def cancel_by(self, user_id: str) -> Self:
        """The buyer does not want it any more."""
        if self.shown_to(user_id).status is OrderStatus.COMPLETE:
            raise OrderAlreadyPaid
        return self.cancel(CancelReason.BUYER)

    def _become(self, status: OrderStatus, reason: CancelReason | None = None) -> Self:
        """The next version, or this one when the transition table does not know the step."""
        if not self.status.may_become(status):
            return self
        history = (*self.history, Step(status, _now(), reason))
        version = self.version + 1
        return replace(self, version=version, status=status, cancel_reason=reason, history=history)

    @property
    def event(self) -> OrderEvent:
        """What announces the change to this version."""
        return self._told(EVENT_OF[self.status])

    @property
    def snapshot(self) -> OrderCreated:
        """The whole state, on the subject that every keeper of a copy hears."""
        return self._told(OrderCreated, snapshot=True)

    def _told(self, kind: type[Told], *, snapshot: Literal[True] | None = None) -> Told:
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
    """As the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
