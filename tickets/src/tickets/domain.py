"""The ticket aggregate: its rules and domain errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Self

from common.contracts.events import OrderEvent, TicketCreated, TicketUpdated
from common.contracts.ids import created_at, new_id
from common.contracts.money import Price
from common.contracts.order_status import OrderStatus
from common.contracts.ticket_status import TicketStatus
from common.contracts.versions import VersionCheck, check_version
from common.errors import Conflict, Forbidden, NotFound

RETENTION = timedelta(days=8)
"""How long a cancelled order is kept: longer than the stream could redeliver its events."""


class TicketNotFound(NotFound):
    """There is no such ticket."""


class NotTheSeller(Forbidden):
    """Only the seller may edit a ticket."""

    message = "Only the seller can edit a ticket"


class TicketReserved(Conflict):
    """An order holds the ticket, at the price it had."""

    message = "Cannot edit a reserved ticket"


@dataclass(frozen=True)
class Reservation:
    """The last known state of one order: its version, if it is live (holds the ticket), if paid."""

    version: int
    live: bool
    paid: bool = False

    @classmethod
    def of(cls, order: OrderEvent) -> Self:
        """The reservation that an event describes."""
        live = order.status is not OrderStatus.CANCELLED
        return cls(order.version, live, paid=order.status is OrderStatus.COMPLETE)

    def differs_from(self, known: "Reservation") -> bool:
        """Whether more than the version differs."""
        return (self.live, self.paid) != (known.live, known.paid)

    def is_relevant(self, order_id: str, now: datetime) -> bool:
        """Whether the order holds the ticket, or an event of it could still be delivered."""
        return self.live or not _is_past_retention(order_id, now)


@dataclass(frozen=True)
class Ticket:
    """A ticket for sale; free when no order of it is live."""

    id: str
    version: int
    title: str
    price: Price
    user_id: str
    order_id: str | None = None
    reservations: Mapping[str, Reservation] = field(default_factory=dict)

    @classmethod
    def list_for_sale(cls, title: str, price: Price, seller: str) -> Self:
        """Put a ticket up for sale."""
        return cls(new_id(), 0, title, price, seller)

    def edit(self, title: str, price: Price, by: str) -> Self:
        """Change title and price, as long as no order holds the ticket."""
        if by != self.user_id:
            raise NotTheSeller
        if self.order_id is not None:
            raise TicketReserved
        return replace(self, version=self.version + 1, title=title, price=price)

    def apply_order(self, order: OrderEvent, now: datetime) -> Self:
        """Update the reservation of an order, unless a newer version of the order is known.

        Events of two orders of one ticket arrive in any order; a reservation per order makes the
        result independent of it (eventual consistency).
        """
        reservation, known = Reservation.of(order), self.reservations.get(order.id)
        if known and (_is_known(order, known) or not reservation.differs_from(known)):
            return self
        if not known and _is_past_retention(order.id, now) and not _is_in_force(order, now):
            return self
        remembered = {
            key: each for key, each in self.reservations.items() if each.is_relevant(key, now)
        }
        reservations = {**remembered, order.id: reservation}
        return replace(
            self,
            version=self.version + 1,
            order_id=_holder(reservations),
            reservations=reservations,
        )

    @property
    def status(self) -> TicketStatus:
        """Free, held or sold."""
        if self.order_id is None:
            return TicketStatus.FREE
        return TicketStatus.SOLD if self.reservations[self.order_id].paid else TicketStatus.HELD

    @property
    def event(self) -> TicketCreated | TicketUpdated:
        """The event that announces this version."""
        if self.version == 0:
            return TicketCreated(
                id=self.id, version=0, title=self.title, price=self.price, user_id=self.user_id
            )
        return self._updated()

    @property
    def snapshot(self) -> TicketUpdated:
        """The whole state, for replicas that may have missed events."""
        return self._updated(snapshot=True)

    def _updated(self, *, snapshot: Literal[True] | None = None) -> TicketUpdated:
        return TicketUpdated(
            id=self.id,
            version=self.version,
            title=self.title,
            price=self.price,
            user_id=self.user_id,
            order_id=self.order_id,
            sold=True if self.status is TicketStatus.SOLD else None,
            snapshot=snapshot,
        )


def _is_known(order: OrderEvent, known: Reservation) -> bool:
    """An early version is applied, too: each event of an order carries its whole state."""
    return (
        check_version(order.version, onto=known.version, snapshot=order.snapshot)
        is VersionCheck.DUPLICATE
    )


def _holder(reservations: Mapping[str, Reservation]) -> str | None:
    """The paid order, or else the live one that arrived last."""
    live = [order_id for order_id, each in reservations.items() if each.live]
    paid = [order_id for order_id in live if reservations[order_id].paid]
    return next(iter(paid or live[::-1]), None)


def _is_past_retention(order_id: str, now: datetime) -> bool:
    return now - created_at(order_id) > RETENTION


def _is_in_force(order: OrderEvent, now: datetime) -> bool:
    """Whether an unknown order that is past the retention is still in force.

    Only a snapshot can show that: an event that old is a late duplicate. A snapshot may be late,
    too, but a paid order stays paid, and an order before its expiry has not expired.
    """
    if not order.snapshot or order.status is OrderStatus.CANCELLED:
        return False
    return order.status is OrderStatus.COMPLETE or order.expires_at > now
