"""Event handlers of the orders service."""

from common.contracts.events import (
    ExpirationComplete,
    PaymentCreated,
    PaymentFailed,
    TicketCreated,
    TicketUpdated,
)
from common.contracts.order_status import CancelReason
from common.contracts.subjects import Subject
from common.messaging.consumer import Handlers
from orders.domain import Order
from orders.repository import OrderRepository


async def on_ticket_created(event: TicketCreated, orders: OrderRepository) -> None:
    """Add the ticket to the replica; it can be ordered from now on."""
    await orders.apply_ticket_event(event)


async def on_ticket_updated(event: TicketUpdated, orders: OrderRepository) -> None:
    """Update the replica; the id of an order in the event confirms its reservation."""
    await orders.apply_ticket_event(event)
    if event.order_id:
        await orders.update(event.order_id, Order.confirm)


async def on_expiration_complete(event: ExpirationComplete, orders: OrderRepository) -> None:
    """Cancel the order: it was not paid in time."""
    await orders.update(event.order_id, lambda order: order.cancel(CancelReason.EXPIRED))


async def on_payment_created(event: PaymentCreated, orders: OrderRepository) -> None:
    """Complete the order: the price is authorized on the card."""
    await orders.update(event.order_id, Order.complete)


async def on_payment_failed(event: PaymentFailed, orders: OrderRepository) -> None:
    """Cancel the order: the card was declined."""
    await orders.update(event.order_id, lambda order: order.cancel(CancelReason.PAYMENT_FAILED))


HANDLERS: Handlers = {
    Subject.TICKET_CREATED: on_ticket_created,
    Subject.TICKET_UPDATED: on_ticket_updated,
    Subject.EXPIRATION_COMPLETE: on_expiration_complete,
    Subject.PAYMENT_CREATED: on_payment_created,
    Subject.PAYMENT_FAILED: on_payment_failed,
}
