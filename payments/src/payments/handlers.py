"""The event door of the payments service."""

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
    """An order can be paid from now on; a snapshot may also tell what became of a known one."""
    if not await checkouts.add(Checkout(Order.of(event))):
        await on_order_changed(event, checkouts)


async def on_order_changed(event: OrderEvent, checkouts: CheckoutRepository) -> None:
    """The replica follows; the reconciler captures or releases when the order is final."""
    now = clock.now()
    checkout = await checkouts.change(event.id, lambda current: current.follow(event, now))
    if checkout.lacks_its_price:
        log.error("an order is complete, but its price cannot be taken any more")


HANDLERS: Handlers = {
    Subject.ORDER_CREATED: on_order_created,
    Subject.ORDER_AWAITING_PAYMENT: on_order_changed,
    Subject.ORDER_COMPLETED: on_order_changed,
    Subject.ORDER_CANCELLED: on_order_changed,
}
