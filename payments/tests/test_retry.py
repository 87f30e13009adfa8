"""The rules of trying again, without a server in sight."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.events import OrderCancelled, OrderCompleted, OrderCreated, OrderEvent
from common.contracts.ids import new_id
from devstack.order_history import OrderHistory
from payments.domain import Checkout
from payments.intent import Intent, IntentStatus
from payments.order import Order
from payments.payment import Payment, PaymentStatus
from payments.retry import MAX_BACKOFF, FailureKind, RetryState

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HISTORY = OrderHistory(new_id(), NOW + timedelta(minutes=15))


def held() -> Checkout:
    """A payment that is announced, with nothing to do until the order is final."""
    payment = Payment.new("pm_card_visa")
    payment = replace(payment, intent_id="pi_1", status=PaymentStatus.AUTHORIZED)
    return Checkout(Order.of(HISTORY.event(OrderCreated, 0)), payment)


def after(times: int, trouble: FailureKind) -> Checkout:
    """A held price that cannot be taken, so many times."""
    checkout = held().apply_order_event(HISTORY.event(OrderCompleted, 1), NOW)
    for _ in range(times):
        checkout = replace(checkout, due_at=None).record_failure(trouble, "card_declined", NOW)
    return checkout


def setback_of(checkout: Checkout) -> RetryState | None:
    """What is on record."""
    assert checkout.payment
    return checkout.payment.retry


def key_of(checkout: Checkout) -> str:
    """What the next capture would be known by."""
    assert checkout.payment
    return checkout.payment.idempotency_key("capture").removeprefix(checkout.payment.id)


@pytest.mark.parametrize("trouble", FailureKind)
def test_failures_are_recorded(trouble: FailureKind) -> None:
    assert setback_of(after(3, trouble)) == RetryState(trouble, "card_declined", 3)


def test_timeout_keeps_idempotency_key_error_changes_it() -> None:
    assert key_of(after(2, FailureKind.NO_ANSWER)) == key_of(held())
    for trouble in (FailureKind.SERVER_ERROR, FailureKind.REJECTED):
        assert len({key_of(after(times, trouble)) for times in range(4)}) == 4


@pytest.mark.parametrize("trouble", FailureKind)
def test_pauses_grow_up_to_a_limit(trouble: FailureKind) -> None:
    dues = [after(times, trouble).due_at for times in range(1, 40)]
    pauses = [due - NOW for due in dues if due]
    assert pauses[:3] == [timedelta(seconds=seconds) for seconds in (1, 2, 4)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == MAX_BACKOFF[trouble]


def test_another_kind_of_trouble_begins_anew() -> None:
    other = after(9, FailureKind.REJECTED).record_failure(
        FailureKind.NO_ANSWER, "APIConnectionError", NOW
    )
    assert setback_of(other) == RetryState(FailureKind.NO_ANSWER, "APIConnectionError", 1)


@pytest.mark.parametrize("status", [IntentStatus.SUCCEEDED, IntentStatus.CANCELED])
def test_progress_forgets_the_setback(status: IntentStatus) -> None:
    assert (
        setback_of(after(9, FailureKind.REJECTED).apply_intent(Intent("pi_1", status), NOW)) is None
    )


def test_the_same_word_again_is_no_progress() -> None:
    refused = after(9, FailureKind.REJECTED)
    assert refused.apply_intent(Intent("pi_1", IntentStatus.REQUIRES_CAPTURE), NOW) is refused


def test_answer_clears_failure_when_nothing_is_left() -> None:
    silent = held().record_failure(FailureKind.NO_ANSWER, "APIConnectionError", NOW)
    rested = silent.apply_intent(
        Intent("pi_1", IntentStatus.REQUIRES_CAPTURE), NOW + timedelta(seconds=1)
    )
    assert setback_of(rested) is None


@pytest.mark.parametrize("end", [OrderCompleted, OrderCancelled])
def test_order_end_skips_the_backoff(end: type[OrderEvent]) -> None:
    paused = held()
    for _ in range(20):
        paused = paused.record_failure(FailureKind.REJECTED, "no", NOW)
    ended = paused.apply_order_event(HISTORY.event(end, 1), NOW)
    assert (ended.due_at, setback_of(ended)) == (NOW, None)


def test_failure_does_not_postpone_end_of_order() -> None:
    ended = held().apply_order_event(HISTORY.event(OrderCancelled, 1), NOW)
    assert ended.record_failure(FailureKind.NO_ANSWER, "APIConnectionError", NOW).due_at == NOW


def test_webhook_keeps_backoff_after_rejection() -> None:
    soon = NOW + timedelta(milliseconds=1)
    assert held().schedule_now(soon).due_at == soon
    assert after(5, FailureKind.NO_ANSWER).schedule_now(soon).due_at == soon
    refused = after(5, FailureKind.REJECTED)
    assert refused.schedule_now(soon) is refused


def test_a_closed_payment_is_left_alone() -> None:
    closed = after(1, FailureKind.NO_ANSWER).apply_intent(
        Intent("pi_1", IntentStatus.SUCCEEDED), NOW
    )
    assert closed.schedule_now(NOW) is closed
    assert closed.record_failure(FailureKind.NO_ANSWER, "late", NOW) is closed
