"""Every word of Stripe on an intent in every state of its order: the next step, and the payment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.events import OrderCreated, PaymentCreated, PaymentFailed
from common.contracts.ids import new_id
from common.contracts.order_status import OrderStatus
from devstack.order_history import OrderHistory
from payments.domain import LEASE, POLL_INTERVAL, Checkout
from payments.intent import Intent, IntentStatus, Operation
from payments.order import Order
from payments.payment import Payment, PaymentStatus

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SOME_TIME_AGO = NOW - timedelta(minutes=1)
LATER = NOW + LEASE

OPEN = {
    "requires_payment_method": (Operation.CANCEL, "declined"),
    "requires_confirmation": (Operation.CONFIRM, "pending"),
    "requires_action": (None, "requires_action"),
    "processing": (Operation.WAIT, "pending"),
    "requires_capture": (None, "authorized"),
    "succeeded": (None, "captured"),
    "canceled": (None, "voided, closed"),
    "refunded": (None, "refunded, closed"),
    "a word of the future": (Operation.WAIT, "pending"),
}
COMPLETE = {
    "requires_payment_method": (Operation.CANCEL, "declined"),
    "requires_confirmation": (Operation.CONFIRM, "pending"),
    "requires_action": (Operation.WAIT, "requires_action"),
    "processing": (Operation.WAIT, "pending"),
    "requires_capture": (Operation.CAPTURE, "authorized"),
    "succeeded": (None, "captured, closed"),
    "canceled": (None, "uncollected, closed"),
    "refunded": (None, "uncollected, closed"),
    "a word of the future": (Operation.WAIT, "pending"),
}
CANCELLED = {
    "requires_payment_method": (Operation.CANCEL, "declined"),
    "requires_confirmation": (Operation.CANCEL, "pending"),
    "requires_action": (Operation.CANCEL, "requires_action"),
    "processing": (Operation.WAIT, "pending"),
    "requires_capture": (Operation.CANCEL, "authorized"),
    "succeeded": (Operation.REFUND, "captured"),
    "canceled": (None, "voided, closed"),
    "refunded": (None, "refunded, closed"),
    "a word of the future": (Operation.WAIT, "pending"),
}
TABLE = {
    OrderStatus.CREATED: OPEN,
    OrderStatus.AWAITING_PAYMENT: OPEN,
    OrderStatus.COMPLETE: COMPLETE,
    OrderStatus.CANCELLED: CANCELLED,
}


def checkout(order: OrderStatus, status: PaymentStatus = PaymentStatus.PENDING) -> Checkout:
    """A payment whose intent is known, and whose order has come this far meanwhile."""
    created = OrderHistory(new_id()).event(OrderCreated, 0)
    payment = replace(Payment.new("pm_card_visa"), intent_id="pi_1", status=status)
    known = replace(Order.of(created), status=order)
    return Checkout(known, payment, due_at=LATER)


def said(word: str) -> Intent:
    """What Stripe says."""
    return Intent("pi_1", IntentStatus(word), "secret")


def state_of(checkout: Checkout) -> str:
    """The payment in a few words."""
    payment = checkout.payment
    assert payment
    return f"{payment.status}, closed" if payment.closed else payment.status.value


@pytest.mark.parametrize("order", OrderStatus)
@pytest.mark.parametrize("word", OPEN)
def test_every_word_has_its_step_and_its_state(order: OrderStatus, word: str) -> None:
    after = checkout(order).apply_intent(said(word), NOW)
    assert (after.next_operation(said(word)), state_of(after)) == TABLE[order][word]


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(OrderStatus)
    words = set(IntentStatus) - {IntentStatus.UNKNOWN}
    assert all(words < set(row) for row in TABLE.values())


@pytest.mark.parametrize("order", OrderStatus)
@pytest.mark.parametrize("word", OPEN)
def test_nothing_is_left_without_somebody_who_looks_again(order: OrderStatus, word: str) -> None:
    after = checkout(order).apply_intent(said(word), NOW)
    waits_for_the_order = after.order.status not in {OrderStatus.COMPLETE, OrderStatus.CANCELLED}
    if after.payment and after.payment.closed:
        assert after.due_at is None
    elif after.next_operation(said(word)):
        assert after.due_at == LATER
    elif after.payment and after.payment.status.is_paid:
        assert waits_for_the_order
        assert after.due_at is None
    else:
        assert waits_for_the_order
        assert after.due_at == NOW + POLL_INTERVAL


@pytest.mark.parametrize("order", OrderStatus)
@pytest.mark.parametrize(
    "word",
    ["requires_payment_method", "requires_confirmation", "requires_action", "processing", "new"],
)
def test_late_response_keeps_authorized_status(order: OrderStatus, word: str) -> None:
    after = checkout(order, PaymentStatus.AUTHORIZED).apply_intent(said(word), NOW)
    assert state_of(after) == "authorized"
    assert after.event is None


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (OrderStatus.CREATED, "uncollected, closed"),
        (OrderStatus.COMPLETE, "uncollected, closed"),
        (OrderStatus.CANCELLED, "voided, closed"),
    ],
)
def test_lost_authorization_of_live_order_is_uncollected(order: OrderStatus, state: str) -> None:
    held = checkout(order, PaymentStatus.AUTHORIZED)
    assert state_of(held.apply_intent(said("canceled"), NOW)) == state


@pytest.mark.parametrize("order", [s for s in OrderStatus if s is not OrderStatus.COMPLETE])
@pytest.mark.parametrize(
    ("word", "step"),
    [
        ("requires_payment_method", Operation.CANCEL),
        ("requires_capture", Operation.CANCEL),
        ("succeeded", Operation.REFUND),
    ],
)
def test_a_declined_payment_stays_declined_and_keeps_nothing(
    order: OrderStatus, word: str, step: Operation
) -> None:
    after = checkout(order, PaymentStatus.DECLINED).apply_intent(said(word), NOW)
    assert after.next_operation(said(word)) is step
    assert state_of(after) == "declined"
    assert after.event is None


NEWS = {
    "authorized": PaymentCreated,
    "captured": PaymentCreated,
    "declined": PaymentFailed,
    "voided": PaymentFailed,
    "refunded": PaymentFailed,
    "uncollected": PaymentFailed,
}


@pytest.mark.parametrize("order", OrderStatus)
@pytest.mark.parametrize("word", OPEN)
def test_open_order_gets_payment_events(order: OrderStatus, word: str) -> None:
    after = checkout(order).apply_intent(said(word), NOW)
    assert after.payment
    news = NEWS.get(after.payment.status.value)
    expected = None if news is None or order.is_final else news
    assert (after.event and type(after.event)) is expected


def test_due_payment_is_not_postponed() -> None:
    asked = replace(checkout(OrderStatus.CREATED), due_at=SOME_TIME_AGO)
    for word in ("requires_capture", "requires_action", "requires_confirmation"):
        assert asked.apply_intent(said(word), NOW).due_at == SOME_TIME_AGO
