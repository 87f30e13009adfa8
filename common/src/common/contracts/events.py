"""One frozen model per subject: the full public state of an aggregate after a change."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel
from typing_extensions import override

from common.contracts.ids import Id
from common.contracts.money import Dollars
from common.contracts.order_status import ORDER_STATUS_VERSION, CancelReason, OrderStatus
from common.contracts.subjects import Subject
from common.contracts.ticket_status import TicketStatus


def wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, from a datetime that knows its zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


WireTime = Annotated[datetime, PlainSerializer(wire_time, return_type=str)]
"""A model's field that holds a moment: an aware UTC datetime inside, text with `Z` in JSON."""


class WireModel(BaseModel):
    """Immutable, camelCase in JSON, snake_case in Python; unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,  # it may be personal, and errors reach logs and headers
    )


class Event(WireModel):
    """Something that happened; announced once, delivered at least once."""

    subject: ClassVar[Subject]
    schema_version: ClassVar[int] = 1

    snapshot: Literal[True] | None = None
    """Set when no change is announced but the whole state repeated, by `republish`: it is applied
    whenever it is newer than what is known, whether or not its predecessors have come."""

    @property
    def aggregate_id(self) -> str:
        """Whose event it is: events of one aggregate are handled in order."""
        raise NotImplementedError

    def to_json(self) -> str:
        """The body on the wire; absent fields are left out."""
        return self.model_dump_json(exclude_none=True)


class _TicketEvent(Event):
    id: Id
    version: int = Field(ge=0)
    title: str
    price: Dollars
    user_id: str

    @property
    @override
    def aggregate_id(self) -> str:
        return self.id


class TicketCreated(_TicketEvent):
    """A seller listed a ticket."""

    subject = Subject.TICKET_CREATED

    @property
    def order_id(self) -> None:
        """Nobody holds it yet."""

    @property
    def status(self) -> TicketStatus:
        """Where the ticket stands."""
        return TicketStatus.FREE


class TicketUpdated(_TicketEvent):
    """A ticket was edited, or an order took, freed or paid it."""

    subject = Subject.TICKET_UPDATED
    order_id: Id | None = None  # absent when the ticket is free
    sold: Literal[True] | None = None  # absent until its order is paid

    @property
    def status(self) -> TicketStatus:
        """Where the ticket stands."""
        if self.order_id is None:
            return TicketStatus.FREE
        return TicketStatus.SOLD if self.sold else TicketStatus.HELD


class OrderedTicket(WireModel):
    """The ticket as it was at the moment of ordering; its price is what is charged."""

    id: Id
    title: str
    price: Dollars


class OrderEvent(Event):
    """The state of an order after a change of its status."""

    schema_version = ORDER_STATUS_VERSION

    id: Id
    version: int = Field(ge=0)
    status: OrderStatus
    user_id: str
    expires_at: WireTime
    ticket: OrderedTicket
    cancel_reason: CancelReason | None = None

    @property
    @override
    def aggregate_id(self) -> str:
        return self.id


class OrderCreated(OrderEvent):
    """A buyer holds a ticket."""

    subject = Subject.ORDER_CREATED


class OrderAwaitingPayment(OrderEvent):
    """The tickets service confirmed the reservation."""

    subject = Subject.ORDER_AWAITING_PAYMENT


class OrderCompleted(OrderEvent):
    """Paid: the ticket is the buyer's for good."""

    subject = Subject.ORDER_COMPLETED


class OrderCancelled(OrderEvent):
    """The ticket is released."""

    subject = Subject.ORDER_CANCELLED


class _AboutOrder(Event):
    order_id: Id

    @property
    @override
    def aggregate_id(self) -> str:
        return self.order_id


class ExpirationComplete(_AboutOrder):
    """An order's time to pay is over."""

    subject = Subject.EXPIRATION_COMPLETE


class PaymentCreated(_AboutOrder):
    """The price of an order is held on the buyer's card."""

    subject = Subject.PAYMENT_CREATED
    id: Id
    stripe_id: str


class PaymentFailed(_AboutOrder):
    """The card of an order was declined."""

    subject = Subject.PAYMENT_FAILED
    id: Id
    reason: str


EVENTS: dict[Subject, type[Event]] = {
    event.subject: event
    for event in (
        TicketCreated,
        TicketUpdated,
        OrderCreated,
        OrderAwaitingPayment,
        OrderCompleted,
        OrderCancelled,
        ExpirationComplete,
        PaymentCreated,
        PaymentFailed,
    )
}
