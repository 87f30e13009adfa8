"""Event handlers of the tickets service."""

from common import clock
from common.contracts.events import OrderEvent
from common.contracts.subjects import Subject
from common.messaging.consumer import Handlers
from tickets.repository import TicketRepository


async def on_order_changed(event: OrderEvent, tickets: TicketRepository) -> None:
    """An order reserves its ticket, is paid, or releases the ticket."""
    now = clock.now()
    await tickets.update(event.ticket.id, lambda ticket: ticket.apply_order(event, now))


HANDLERS: Handlers = {
    Subject.ORDER_CREATED: on_order_changed,
    Subject.ORDER_COMPLETED: on_order_changed,
    Subject.ORDER_CANCELLED: on_order_changed,
}
