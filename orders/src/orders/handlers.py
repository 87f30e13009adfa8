"""The event door of the orders service."""

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
    """A ticket can be ordered from now on."""
    await orders.follow_ticket(event)


async def on_ticket_updated(event: TicketUpdated, orders: OrderRepository) -> None:
    """The replica follows; an order's own id in it confirms the reservation."""
    await orders.follow_ticket(event)
    if event.order_id:
        await orders.change(event.order_id, Order.confirm)


async def on_expiration_complete(event: ExpirationComplete, orders: OrderRepository) -> None:
    """The time to pay is over."""
    await orders.change(event.order_id, lambda order: order.cancel(CancelReason.EXPIRED))


async def on_payment_created(event: PaymentCreated, orders: OrderRepository) -> None:
    """The price is held on the card."""
    await orders.change(event.order_id, Order.complete)


async def on_payment_failed(event: PaymentFailed, orders: OrderRepository) -> None:
    """The card was declined."""
    await orders.change(event.order_id, lambda order: order.cancel(CancelReason.PAYMENT_FAILED))


HANDLERS: Handlers = {
    Subject.TICKET_CREATED: on_ticket_created,
    Subject.TICKET_UPDATED: on_ticket_updated,
    Subject.EXPIRATION_COMPLETE: on_expiration_complete,
    Subject.PAYMENT_CREATED: on_payment_created,
    Subject.PAYMENT_FAILED: on_payment_failed,
}
