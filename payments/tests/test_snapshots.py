"""Listener orders repeat themselves: `python -m orders republish`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.events import (
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
    PaymentCreated,
    PaymentFailed,
)
from common.contracts.ids import new_id
from common.contracts.order_status import OrderStatus
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.testing import BusPeer, eventually
from payments.domain import Checkout
from payments.intent import Intent, IntentStatus
from payments.order import Order, OrderNotPayable
from payments.payment import Payment, PaymentStatus
from payments.repository import CheckoutRepository

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HISTORY = OrderHistory(new_id(), NOW + timedelta(minutes=15))
ENDS = {OrderStatus.COMPLETE: OrderCompleted, OrderStatus.CANCELLED: OrderCancelled}


def snapshot(status: OrderStatus, version: int, history: OrderHistory = HISTORY) -> OrderCreated:
    """The current state of an order, told as if it had just been created."""
    changed = {"status": status, "snapshot": True}
    return history.event(OrderCreated, version).model_copy(update=changed)


def known(payment: PaymentStatus | None = None, version: int = 1) -> Checkout:
    """An order that awaits its payment, and has one that came so far."""
    order = Order.of(snapshot(OrderStatus.AWAITING_PAYMENT, version))
    if payment is None:
        return Checkout(order, None, 5)
    begun = replace(Payment.new("pm_card_visa"), intent_id="pi_1", status=payment)
    return Checkout(order, begun, 5)


@pytest.mark.parametrize("status", OrderStatus)
@pytest.mark.parametrize("version", [1, 2, 9])
def test_a_snapshot_is_followed_without_its_predecessors(status: OrderStatus, version: int) -> None:
    after = known().apply_order_event(snapshot(status, version), NOW)
    assert (after.order.status, after.order.version) == (status, version)


def test_an_old_snapshot_changes_nothing() -> None:
    current = known(PaymentStatus.AUTHORIZED, version=3)
    assert current.apply_order_event(snapshot(OrderStatus.CREATED, 2), NOW) is current


def test_a_snapshot_without_news_changes_nothing() -> None:
    for current in (known(), known(PaymentStatus.PENDING)):
        assert current.apply_order_event(snapshot(OrderStatus.AWAITING_PAYMENT, 1), NOW) is current


@pytest.mark.parametrize("status", ENDS)
@pytest.mark.parametrize("version", [1, 2, 9])
def test_final_snapshot_schedules_the_reconciler(status: OrderStatus, version: int) -> None:
    current = known(PaymentStatus.AUTHORIZED)
    after = current.apply_order_event(snapshot(status, version), NOW)
    assert after.due_at == NOW
    assert after.event is None
    if version == 2:
        assert after == current.apply_order_event(HISTORY.event(ENDS[status], 2), NOW)


def test_payment_without_intent_ends_with_order() -> None:
    unheard = replace(known(PaymentStatus.PENDING), payment=Payment.new("pm_card_visa"))
    for status, end in (
        (OrderStatus.CANCELLED, PaymentStatus.VOIDED),
        (OrderStatus.COMPLETE, PaymentStatus.UNCOLLECTED),
    ):
        after = unheard.apply_order_event(snapshot(status, 7), NOW)
        assert after.payment
        assert (after.payment.status, after.payment.closed, after.due_at) == (end, True, None)


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize(
    ("status", "news"),
    [
        (PaymentStatus.AUTHORIZED, PaymentCreated),
        (PaymentStatus.CAPTURED, PaymentCreated),
        (PaymentStatus.DECLINED, PaymentFailed),
        (PaymentStatus.VOIDED, PaymentFailed),
        (PaymentStatus.UNCOLLECTED, PaymentFailed),
    ],
)
def test_an_open_order_is_told_again(
    status: PaymentStatus, news: type[PaymentCreated | PaymentFailed], version: int
) -> None:
    current = known(status)
    after = current.apply_order_event(snapshot(OrderStatus.AWAITING_PAYMENT, version), NOW)
    assert isinstance(after.event, news)
    assert after.version == current.version + 1  # a new message id


def test_complete_order_is_not_paid_again() -> None:
    complete = Checkout(Order.of(snapshot(OrderStatus.COMPLETE, 3)))
    with pytest.raises(OrderNotPayable):
        complete.start_payment(
            Payment.new("pm_card_visa"), complete.order.user_id, NOW, timedelta(0)
        )


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_unknown_order_is_added_as_it_is(
    checkouts: CheckoutRepository, peer: BusPeer, order: OrderHistory, status: OrderStatus
) -> None:
    await peer.publish(snapshot(status, 3, order))
    await peer.publish(order.event(OrderCreated, 0), ":late")
    await peer.wait_acked_by("payments")
    known = (await checkouts.get(order.id)).order
    assert (known.status, known.version) == (status, 3)


async def hold(checkouts: CheckoutRepository, order: OrderHistory) -> None:
    """A price that is held, as far as this service knows."""
    payment = Payment.new("pm_card_visa")
    intent = Intent("pi_1", IntentStatus.REQUIRES_CAPTURE)
    now, buyer = datetime.now(UTC), order.event(OrderCreated, 0).user_id
    await checkouts.add(Checkout(Order.of(order.event(OrderCreated, 0))))
    await checkouts.update(order.id, lambda c: c.start_payment(payment, buyer, now, timedelta(0)))
    await checkouts.update(order.id, lambda c: c.apply_intent(intent, now))


async def test_a_lost_announcement_is_made_again(
    checkouts: CheckoutRepository, peer: BusPeer, order: OrderHistory
) -> None:
    await hold(checkouts, order)
    await peer.wait_for(PaymentCreated)
    for again in (2, 3):
        await peer.publish(snapshot(OrderStatus.CREATED, 0, order), f":{again}")
        first, *others = await peer.wait_for(PaymentCreated, again)
        assert others == [first] * (again - 1)


@pytest.mark.parametrize("end", [OrderCompleted, OrderCancelled])
async def test_snapshot_replaces_lost_final_event(
    checkouts: CheckoutRepository,
    peer: BusPeer,
    held_intent: str,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    end: type[OrderEvent],
) -> None:
    status = order.event(end, 5).status
    await peer.publish(snapshot(status, 5, order))

    async def closed() -> bool:
        payment = (await checkouts.get(order.id)).payment
        return payment is not None and payment.closed

    await eventually(closed)
    [books] = await sandbox_client.intents_of(order.id)
    assert books["intent"] == held_intent
    assert books["captured"] == (1999 if end is OrderCompleted else 0)
    assert books["status"] == ("succeeded" if end is OrderCompleted else "canceled")
