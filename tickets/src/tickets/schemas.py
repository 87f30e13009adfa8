"""Request and response bodies."""

from typing import Annotated, Self

from pydantic import StringConstraints

from common.contracts.events import TicketCreated, TicketUpdated, WireModel
from common.contracts.ids import Id
from common.contracts.money import Dollars
from common.contracts.ticket_status import TicketStatus
from common.web.bodies import ErrorMessage, RequestBody
from tickets.domain import Ticket

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class TicketIn(RequestBody):
    """The title and price of a ticket."""

    title: Annotated[Title, ErrorMessage("Title is required, with at most 200 characters")]
    price: Annotated[
        Dollars,
        ErrorMessage("Price must be from 0.50 to 999999.99 US dollars with at most two decimals"),
    ]


class TicketOut(WireModel):
    """A ticket as everybody may see it; `orderId` is absent while it is free."""

    id: Id
    title: str
    price: Dollars
    user_id: str
    version: int
    status: TicketStatus
    order_id: Id | None = None

    @classmethod
    def of(cls, ticket: Ticket | TicketCreated | TicketUpdated) -> Self:
        """The public view of a ticket, or of an event of it."""
        return cls(
            id=ticket.id,
            title=ticket.title,
            price=ticket.price,
            user_id=ticket.user_id,
            version=ticket.version,
            status=ticket.status,
            order_id=ticket.order_id,
        )
