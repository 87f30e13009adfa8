"""Event handlers of the payments service."""

import logging

from common import clock
from common.contracts.events import OrderEvent
from common.contracts.subjects import Subject
from common.messaging.consumer import Handlers
from payments.domain import Checkout
from payments.order import Order
from payments.repository import CheckoutRepository

log = logging.getLogger(__name__)


async def on_order_created(event: OrderEvent, checkouts: CheckoutRepository) -> None:
    """Add the replica of the order; a snapshot may also update a known one."""
    if not await checkouts.add(Checkout(Order.of(event))):
        await on_order_changed(event, checkouts)


async def on_order_changed(event: OrderEvent, checkouts: CheckoutRepository) -> None:
    """Update the replica; when the order is final, the reconciler captures or releases."""
    now = clock.now()
    checkout = await checkouts.update(
        event.id, lambda current: current.apply_order_event(event, now)
    )
    if checkout.is_uncollected:
        log.error("an order is complete, but its payment is uncollected")


HANDLERS: Handlers = {
    Subject.ORDER_CREATED: on_order_created,
    Subject.ORDER_AWAITING_PAYMENT: on_order_changed,
    Subject.ORDER_COMPLETED: on_order_changed,
    Subject.ORDER_CANCELLED: on_order_changed,
}
