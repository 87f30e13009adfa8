"""Event handlers of the expiration service."""

from common.contracts.events import OrderCancelled, OrderCompleted, OrderCreated
from common.contracts.subjects import Subject
from common.messaging.consumer import Handlers
from expiration.repository import TimerRepository


async def on_order_created(event: OrderCreated, timers: TimerRepository) -> None:
    """Schedule the timer; a snapshot may reschedule or cancel it."""
    if not event.snapshot:
        await timers.schedule(event.id, event.expires_at)
    elif event.status.is_final:
        await timers.cancel(event.id)
    else:
        await timers.reschedule(event.id, event.expires_at)


async def on_order_final(event: OrderCompleted | OrderCancelled, timers: TimerRepository) -> None:
    """Cancel the timer: the order is final."""
    await timers.cancel(event.id)


HANDLERS: Handlers = {
    Subject.ORDER_CREATED: on_order_created,
    Subject.ORDER_COMPLETED: on_order_final,
    Subject.ORDER_CANCELLED: on_order_final,
}
