"""The ticket, its rules and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from common.contracts.events import OrderEvent, TicketCreated, TicketUpdated
from common.contracts.ids import new_id
from common.contracts.money import Price
from common.contracts.order_status import OrderStatus
from common.errors import Conflict, Forbidden, NotFound


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
    """What this ticket knows of one order: its newest version and whether it holds the ticket."""

    version: int
    live: bool


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

    def heed(self, order: OrderEvent) -> Self:
        """Take note of an order of this ticket, unless something newer of it is known.

        Two orders of one ticket announce themselves independently, so their events come in any
        order; noting each order by itself makes every order of arrival end the same.
        """
        known = self.claims.get(order.id)
        if known and known.version >= order.version:
            return self
        claim = Claim(order.version, live=order.status is not OrderStatus.CANCELLED)
        claims = {**self.claims, order.id: claim}
        holders = [order_id for order_id, each in claims.items() if each.live]
        return replace(
            self,
            version=self.version + 1,
            order_id=holders[-1] if holders else None,
            claims=claims,
        )

    @property
    def event(self) -> TicketCreated | TicketUpdated:
        """What announces the change to this version."""
        if self.version == 0:
            return TicketCreated(
                id=self.id, version=0, title=self.title, price=self.price, user_id=self.user_id
            )
        return TicketUpdated(
            id=self.id,
            version=self.version,
            title=self.title,
            price=self.price,
            user_id=self.user_id,
            order_id=self.order_id,
        )
