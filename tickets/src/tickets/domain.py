"""The ticket, its rules and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Self

from common.contracts.events import OrderEvent, TicketCreated, TicketUpdated
from common.contracts.ids import made_at, new_id
from common.contracts.money import Price
from common.contracts.order_status import OrderStatus
from common.contracts.ticket_status import TicketStatus
from common.contracts.versions import Fit, fit
from common.errors import Conflict, Forbidden, NotFound

MEMORY = timedelta(days=8)
"""How long an ended order is remembered: longer than the stream could deliver its events again."""


class TicketNotFound(NotFound):
    """There is no such ticket."""


class NotTheSeller(Forbidden):
    """Only the seller may edit a ticket."""

    message = "Only the seller can edit a ticket"


class TicketReserved(Conflict):
    """Somebody holds the ticket, at the price it had."""

    message = "Cannot edit a reserved ticket"


@dataclass(frozen=True)
class Claim:
    """What this ticket knows of one order: its version, if it is live (holds it), and paid."""

    version: int
    live: bool
    paid: bool = False

    @classmethod
    def of(cls, order: OrderEvent) -> Self:
        """What an event says."""
        live = order.status is not OrderStatus.CANCELLED
        return cls(order.version, live, paid=order.status is OrderStatus.COMPLETE)

    def says_other_than(self, known: "Claim") -> bool:
        """Whether it changes more than the version."""
        return (self.live, self.paid) != (known.live, known.paid)

    def matters(self, order_id: str, now: datetime) -> bool:
        """Whether an event of that order could still come, or it holds the ticket."""
        return self.live or not _is_forgotten(order_id, now)


@dataclass(frozen=True)
class Ticket:
    """A ticket that somebody sells; free when no order of it is live."""

    id: str
    version: int
    title: str
    price: Price
    user_id: str
    order_id: str | None = None
    claims: Mapping[str, Claim] = field(default_factory=dict)

    @classmethod
    def offer(cls, title: str, price: Price, seller: str) -> Self:
        """Put a ticket up for sale."""
        return cls(new_id(), 0, title, price, seller)

    def edit(self, title: str, price: Price, by: str) -> Self:
        """Change what is offered, as long as nobody holds it."""
        if by != self.user_id:
            raise NotTheSeller
        if self.order_id is not None:
            raise TicketReserved
        return replace(self, version=self.version + 1, title=title, price=price)

    def heed(self, order: OrderEvent, now: datetime) -> Self:
        """Take note of an order of this ticket, unless something newer of it is known.

        Two orders of one ticket announce themselves independently, so their events come in any
        order; noting each order by itself makes every order of arrival end the same.
        """
        claim, known = Claim.of(order), self.claims.get(order.id)
        if known and (_is_known(order, known) or not claim.says_other_than(known)):
            return self
        if not known and _is_forgotten(order.id, now) and not _still_counts(order, now):
            return self
        remembered = {key: each for key, each in self.claims.items() if each.matters(key, now)}
        claims = {**remembered, order.id: claim}
        return replace(self, version=self.version + 1, order_id=_holder(claims), claims=claims)

    @property
    def status(self) -> TicketStatus:
        """Where it stands."""
        if self.order_id is None:
            return TicketStatus.FREE
        return TicketStatus.SOLD if self.claims[self.order_id].paid else TicketStatus.HELD

    @property
    def event(self) -> TicketCreated | TicketUpdated:
        """What announces the change to this version."""
        if self.version == 0:
            return TicketCreated(
                id=self.id, version=0, title=self.title, price=self.price, user_id=self.user_id
            )
        return self._updated()

    @property
    def snapshot(self) -> TicketUpdated:
        """The whole state, for copies that may have missed how it came about."""
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


def _is_known(order: OrderEvent, known: Claim) -> bool:
    """What is early is taken, too: each event of an order says its whole state."""
    return fit(order.version, onto=known.version, snapshot=order.snapshot) is Fit.KNOWN


def _holder(claims: Mapping[str, Claim]) -> str | None:
    """The order that is paid, or else the live one that came last."""
    live = [order_id for order_id, each in claims.items() if each.live]
    paid = [order_id for order_id in live if claims[order_id].paid]
    return next(iter(paid or live[::-1]), None)


def _is_forgotten(order_id: str, now: datetime) -> bool:
    return now - made_at(order_id) > MEMORY


def _still_counts(order: OrderEvent, now: datetime) -> bool:
    """Whether an order of which nothing is known any more is worth a note, however old it is.

    A snapshot says how things stand, an event that old can only be a late copy. A snapshot may be
    late, too, but what is paid stays so, and what has time left has not been ended by that.
    """
    if not order.snapshot or order.status is OrderStatus.CANCELLED:
        return False
    return order.status is OrderStatus.COMPLETE or order.expires_at > now
