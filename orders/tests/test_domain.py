"""The rules of an order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.events import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderedTicket,
    OrderEvent,
)
from common.contracts.ids import is_id, new_id
from common.contracts.money import Price
from common.contracts.order_status import CancelReason, OrderStatus
from orders.domain import NotTheBuyer, Order, OrderAlreadyPaid, Ticket

TICKET = Ticket(new_id(), 3, "Concert", Price(1999))
WINDOW = timedelta(minutes=15)
PLACED = Order.place(TICKET, "buyer", WINDOW)

CREATED, AWAITING, COMPLETE, CANCELLED = (
    OrderStatus.CREATED,
    OrderStatus.AWAITING_PAYMENT,
    OrderStatus.COMPLETE,
    OrderStatus.CANCELLED,
)


def expire(order: Order) -> Order:
    """The time to pay is over."""
    return order.cancel(CancelReason.EXPIRED)


def decline(order: Order) -> Order:
    """The card was declined."""
    return order.cancel(CancelReason.PAYMENT_FAILED)


STEPS: list[tuple[OrderStatus, Callable[[Order], Order], OrderStatus]] = [
    (CREATED, Order.confirm, AWAITING),
    (CREATED, Order.complete, COMPLETE),
    (CREATED, expire, CANCELLED),
    (CREATED, decline, CANCELLED),
    (AWAITING, Order.confirm, AWAITING),
    (AWAITING, Order.complete, COMPLETE),
    (AWAITING, expire, CANCELLED),
    (AWAITING, decline, CANCELLED),
    *((COMPLETE, step, COMPLETE) for step in (Order.confirm, Order.complete, expire, decline)),
    *((CANCELLED, step, CANCELLED) for step in (Order.confirm, Order.complete, expire, decline)),
]


def in_status(status: OrderStatus) -> Order:
    """An order that has come so far."""
    reason = CancelReason.BUYER if status is CANCELLED else None
    return replace(PLACED, version=4, status=status, cancel_reason=reason)


def test_order_stores_the_ticket_as_ordered() -> None:
    before = datetime.now(UTC)
    order = Order.place(TICKET, "buyer", WINDOW)
    assert is_id(order.id)
    assert (order.version, order.status, order.user_id) == (0, CREATED, "buyer")
    assert order.ticket == TICKET
    assert abs(order.expires_at - before - WINDOW) < timedelta(seconds=1)


def test_an_expiry_has_whole_milliseconds() -> None:
    assert PLACED.expires_at.microsecond % 1000 == 0


@pytest.mark.parametrize(("before", "step", "after"), STEPS)
def test_every_step_follows_the_table(
    before: OrderStatus, step: Callable[[Order], Order], after: OrderStatus
) -> None:
    order = in_status(before)
    changed = step(order)
    if before is after:
        assert changed is order
    else:
        assert (changed.status, changed.version) == (after, order.version + 1)


@pytest.mark.parametrize("status", OrderStatus)
def test_all_but_cancelled_orders_hold_their_ticket(status: OrderStatus) -> None:
    assert in_status(status).holds_ticket is (status is not CANCELLED)


@pytest.mark.parametrize("reason", CancelReason)
def test_a_cancelled_order_says_why(reason: CancelReason) -> None:
    assert PLACED.cancel(reason).cancel_reason is reason


@pytest.mark.parametrize("status", [CREATED, AWAITING])
def test_a_buyer_may_cancel_before_paying(status: OrderStatus) -> None:
    cancelled = in_status(status).cancel_by("buyer")
    assert (cancelled.status, cancelled.cancel_reason) == (CANCELLED, CancelReason.BUYER)


def test_cancelling_twice_changes_nothing() -> None:
    expired = expire(PLACED)
    assert expired.cancel_by("buyer") is expired


def test_a_paid_order_cannot_be_cancelled() -> None:
    with pytest.raises(OrderAlreadyPaid):
        in_status(COMPLETE).cancel_by("buyer")


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_is_its_buyers_business_alone(status: OrderStatus) -> None:
    order = in_status(status)
    assert order.visible_to("buyer") is order
    for look in (Order.visible_to, Order.cancel_by):
        with pytest.raises(NotTheBuyer):
            look(order, "stranger")


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (PLACED, OrderCreated),
        (PLACED.confirm(), OrderAwaitingPayment),
        (PLACED.complete(), OrderCompleted),
        (expire(PLACED), OrderCancelled),
    ],
)
def test_each_status_has_its_event(order: Order, kind: type[OrderEvent]) -> None:
    assert order.event == kind(
        id=PLACED.id,
        version=order.version,
        status=order.status,
        user_id="buyer",
        expires_at=PLACED.expires_at,
        ticket=OrderedTicket(id=TICKET.id, title="Concert", price=Price(1999)),
        cancel_reason=order.cancel_reason,
    )


@pytest.mark.parametrize("end", [None, Order.confirm, Order.complete])
def test_snapshot_is_published_to_all_replicas(
    end: Callable[[Order], Order] | None,
) -> None:
    order = end(PLACED) if end else PLACED
    told = order.snapshot
    assert type(told) is OrderCreated
    assert told.snapshot
    assert (told.status, told.version) == (order.status, order.version)
    assert told.model_dump(exclude={"snapshot"}) == order.event.model_dump(exclude={"snapshot"})
