"""The rules of a checkout, without a server in sight."""

from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.events import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
    PaymentCreated,
    PaymentFailed,
)
from common.contracts.ids import new_id
from common.contracts.order_status import OrderStatus
from common.errors import VersionGap
from devstack.order_history import OrderHistory
from payments.domain import Checkout
from payments.intent import Intent, IntentStatus, Operation
from payments.order import NotTheBuyer, Order, OrderNotPayable
from payments.payment import Payment, PaymentStatus

NOW = datetime(2030, 1, 1, tzinfo=UTC)
MARGIN = timedelta(seconds=5)
BUYER = new_id()

HISTORY = OrderHistory(BUYER, NOW + timedelta(minutes=15))


def checkout() -> Checkout:
    """An order that nobody has begun to pay."""
    return Checkout(Order.of(HISTORY.event(OrderCreated, 0)))


def begun() -> Checkout:
    """An order that its buyer has begun to pay."""
    return checkout().start_payment(Payment.new("pm_card_visa"), BUYER, NOW, MARGIN)


def after(*statuses: IntentStatus) -> Checkout:
    """A begun payment, after these words of Stripe."""
    current = begun()
    for status in statuses:
        current = current.apply_intent(Intent("pi_1", status, "secret", None), NOW)
    return current


def test_a_payment_belongs_to_the_buyer() -> None:
    with pytest.raises(NotTheBuyer):
        checkout().start_payment(Payment.new("pm_card_visa"), new_id(), NOW, MARGIN)


@pytest.mark.parametrize("left", [timedelta(seconds=5), timedelta(0), timedelta(seconds=-1)])
def test_no_payment_begins_too_late(left: timedelta) -> None:
    late = checkout().order.expires_at - left
    with pytest.raises(OrderNotPayable):
        checkout().start_payment(Payment.new("pm_card_visa"), BUYER, late, MARGIN)


def test_a_payment_begins_just_in_time() -> None:
    moment = checkout().order.expires_at - MARGIN - timedelta(milliseconds=1)
    assert checkout().start_payment(Payment.new("pm_card_visa"), BUYER, moment, MARGIN).payment


def test_a_second_payment_does_not_begin() -> None:
    first = begun()
    assert first.start_payment(Payment.new("pm_card_visa"), BUYER, NOW, MARGIN) is first


def test_a_cancelled_order_cannot_be_paid() -> None:
    cancelled = checkout().apply_order_event(HISTORY.event(OrderCancelled, 1), NOW)
    with pytest.raises(OrderNotPayable):
        cancelled.start_payment(Payment.new("pm_card_visa"), BUYER, NOW, MARGIN)


def test_a_declined_order_cannot_be_paid_again() -> None:
    with pytest.raises(OrderNotPayable):
        after(IntentStatus.REQUIRES_PAYMENT_METHOD).start_payment(
            Payment.new("pm_card_visa"), BUYER, NOW, MARGIN
        )


def test_a_paid_order_shows_its_payment_even_late() -> None:
    paid = after(IntentStatus.REQUIRES_CAPTURE)
    late = NOW + timedelta(days=1)
    assert paid.start_payment(Payment.new("pm_card_visa"), BUYER, late, MARGIN) is paid


def test_a_held_price_is_announced_once() -> None:
    held = after(IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_CAPTURE)
    assert isinstance(held.event, PaymentCreated)
    again = held.apply_intent(Intent("pi_1", IntentStatus.REQUIRES_CAPTURE, "secret"), NOW)
    assert again is held
    captured = held.apply_intent(Intent("pi_1", IntentStatus.SUCCEEDED, "secret"), NOW)
    assert captured.event is None


def test_a_declined_card_is_announced_once() -> None:
    declined = after(IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_PAYMENT_METHOD)
    assert isinstance(declined.event, PaymentFailed)
    closed = declined.apply_intent(Intent("pi_1", IntentStatus.CANCELED), NOW)
    assert closed.event is None
    assert closed.payment
    assert closed.payment.status is PaymentStatus.DECLINED


def test_final_order_gets_no_payment_event() -> None:
    gone = after(IntentStatus.REQUIRES_CONFIRMATION).apply_order_event(
        HISTORY.event(OrderCancelled, 1), NOW
    )
    held = gone.apply_intent(Intent("pi_1", IntentStatus.REQUIRES_CAPTURE), NOW)
    assert held.event is None
    assert held.next_operation(Intent("pi_1", IntentStatus.REQUIRES_CAPTURE)) is Operation.CANCEL


def test_payment_unknown_to_stripe_ends_with_order() -> None:
    gone = begun().apply_order_event(HISTORY.event(OrderCancelled, 1), NOW)
    assert gone.payment
    assert gone.payment.status is PaymentStatus.VOIDED
    assert gone.next_operation(None) is None


def test_the_first_intent_is_the_one() -> None:
    first = after(IntentStatus.REQUIRES_CONFIRMATION)
    assert first.apply_intent(Intent("pi_2", IntentStatus.REQUIRES_CAPTURE), NOW) is first


def test_authorized_payment_of_cancelled_order_is_not_paid() -> None:
    gone = after(IntentStatus.REQUIRES_CAPTURE).apply_order_event(
        HISTORY.event(OrderCancelled, 1), NOW
    )
    with pytest.raises(OrderNotPayable):
        gone.start_payment(Payment.new("pm_card_visa"), BUYER, NOW, MARGIN)


def test_an_order_is_followed_version_by_version() -> None:
    current = checkout()
    with pytest.raises(VersionGap):
        current.apply_order_event(HISTORY.event(OrderCompleted, 2), NOW)
    awaiting = current.apply_order_event(HISTORY.event(OrderAwaitingPayment, 1), NOW)
    assert awaiting.apply_order_event(HISTORY.event(OrderCreated, 0), NOW) is awaiting
    complete = awaiting.apply_order_event(HISTORY.event(OrderCompleted, 2), NOW)
    assert complete.order.status is OrderStatus.COMPLETE


@pytest.mark.parametrize("end", [OrderCompleted, OrderCancelled])
def test_the_end_of_an_order_wakes_the_reconciler(end: type[OrderEvent]) -> None:
    held = after(IntentStatus.REQUIRES_CAPTURE)
    assert held.due_at is None
    later = NOW + timedelta(minutes=1)
    assert held.apply_order_event(HISTORY.event(end, 1), later).due_at == later
