"""What was left open is finished: crashes between any two lines, and a silent Stripe."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.events import (
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
    PaymentCreated,
)
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.testing import BusPeer, Session, eventually, running
from payments import reconciler
from payments.domain import Checkout
from payments.gateway import StripeFailure, StripeGateway
from payments.intent import Intent
from payments.main import create_app
from payments.order import Order
from payments.payment import Payment, PaymentStatus
from payments.payment_flow import PaymentFlow
from payments.repository import CheckoutRepository
from payments.settings import Settings

CARD = "pm_card_visa"


async def start_payment(checkouts: CheckoutRepository, order: OrderHistory) -> Payment:
    """Begin a payment as a request does, and crash at once."""
    created, payment = order.event(OrderCreated, 0), Payment.new(CARD)
    await checkouts.add(Checkout(Order.of(created)))
    await checkouts.update(
        order.id,
        lambda checkout: checkout.start_payment(
            payment, created.user_id, datetime.now(UTC), timedelta(0)
        ),
    )
    return payment


async def wait_for_status(
    checkouts: CheckoutRepository, order_id: str, status: PaymentStatus
) -> None:
    """Let the lease of the crashed request run out, and wait for the end."""
    now = datetime.now(UTC)
    await checkouts.update(order_id, lambda checkout: checkout.schedule_now(now))

    async def there() -> bool:
        payment = (await checkouts.get(order_id)).payment
        return payment is not None and payment.status is status

    await eventually(there, f"the payment becomes {status}")


async def test_due_time_of_wrong_clock_is_ignored(app: FastAPI) -> None:
    order = OrderHistory("buyer")
    async with running(app):
        checkouts: CheckoutRepository = app.state.repository
        await start_payment(checkouts, order)
        [stored] = checkouts.outboxes
        in_an_hour = {"$set": {"dueAt": datetime.now(UTC) + timedelta(hours=1)}}
        await stored.update({"_id": order.id}, in_an_hour)

        async def is_held() -> bool:
            payment = (await checkouts.get(order.id)).payment
            return payment is not None and payment.status is PaymentStatus.AUTHORIZED

        await eventually(is_held)


async def test_due_payment_is_processed_at_once(
    app: FastAPI, peer: BusPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "POLL_SECONDS", 3600)
    order = OrderHistory("buyer")
    async with running(app):
        checkouts: CheckoutRepository = app.state.repository
        await start_payment(checkouts, order)
        await wait_for_status(checkouts, order.id, PaymentStatus.AUTHORIZED)
        await peer.publish(order.event(OrderCompleted, 1))

        async def is_captured() -> bool:
            payment = (await checkouts.get(order.id)).payment
            return payment is not None and payment.status is PaymentStatus.CAPTURED

        await eventually(is_captured)


async def nothing(gateway: StripeGateway, payment: Payment, order_id: str) -> Intent | None:
    """Crash before Stripe is asked."""


async def created(gateway: StripeGateway, payment: Payment, order_id: str) -> Intent | None:
    """Crash before the intent is stored."""
    await gateway.create(order_id, 1999, CARD, payment.idempotency_key("create"))
    return None


async def stored(gateway: StripeGateway, payment: Payment, order_id: str) -> Intent | None:
    """Crash before the intent is confirmed."""
    return await gateway.create(order_id, 1999, CARD, payment.idempotency_key("create"))


async def confirmed(gateway: StripeGateway, payment: Payment, order_id: str) -> Intent | None:
    """Crash before the outcome is stored."""
    intent = await gateway.create(order_id, 1999, CARD, payment.idempotency_key("create"))
    await gateway.confirm(intent.id, payment.idempotency_key("confirm"))
    return intent


Progress = Callable[[StripeGateway, Payment, str], Awaitable[Intent | None]]


@pytest.fixture
def gateway(app: FastAPI) -> StripeGateway:
    """The gateway of the service that crashed."""
    found: StripeGateway = app.state.gateway
    return found


async def crash(
    progress: Progress, gateway: StripeGateway, checkouts: CheckoutRepository, order: OrderHistory
) -> None:
    """Begin a payment, and get as far as this."""
    payment = await start_payment(checkouts, order)
    if intent := await progress(gateway, payment, order.id):
        await checkouts.update(order.id, lambda c: c.apply_intent(intent, datetime.now(UTC)))


@pytest.mark.parametrize("progress", [nothing, created, stored, confirmed])
async def test_a_crashed_payment_ends_with_one_charge(
    checkouts: CheckoutRepository,
    gateway: StripeGateway,
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    progress: Progress,
) -> None:
    await crash(progress, gateway, checkouts, order)
    await wait_for_status(checkouts, order.id, PaymentStatus.AUTHORIZED)
    await peer.wait_for(PaymentCreated)
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_status(checkouts, order.id, PaymentStatus.CAPTURED)
    [books] = await sandbox_client.intents_of(order.id)
    assert books["captured"] == 1999


@pytest.mark.parametrize("progress", [nothing, created, stored, confirmed])
async def test_crashed_payment_of_cancelled_order_captures_nothing(
    checkouts: CheckoutRepository,
    gateway: StripeGateway,
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    progress: Progress,
) -> None:
    await crash(progress, gateway, checkouts, order)
    await peer.publish(order.event(OrderCancelled, 1))
    await wait_for_status(checkouts, order.id, PaymentStatus.VOIDED)
    entries = await sandbox_client.intents_of(order.id)
    assert {books["status"] for books in entries} <= {"canceled", "requires_confirmation"}
    assert [books for books in entries if books["captured"]] == []


@pytest.mark.parametrize(
    ("end", "step", "status", "books"),
    [
        (OrderCompleted, "capture", PaymentStatus.CAPTURED, ("succeeded", 1999, 0)),
        (OrderCancelled, "cancel", PaymentStatus.VOIDED, ("canceled", 0, 0)),
        (OrderCancelled, "refund", PaymentStatus.REFUNDED, ("succeeded", 1999, 1999)),
    ],
)
async def test_crash_after_last_operation_keeps_its_result(
    checkouts: CheckoutRepository,
    gateway: StripeGateway,
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    end: type[OrderEvent],
    step: str,
    status: PaymentStatus,
    books: tuple[str, int, int],
) -> None:
    await crash(confirmed, gateway, checkouts, order)
    await wait_for_status(checkouts, order.id, PaymentStatus.AUTHORIZED)
    payment = (await checkouts.get(order.id)).payment
    assert payment
    assert payment.intent_id
    if step == "refund":
        await gateway.capture(payment.intent_id, payment.idempotency_key("capture"))
    await getattr(gateway, step)(payment.intent_id, payment.idempotency_key(step))
    await peer.publish(order.event(end, 1))
    await wait_for_status(checkouts, order.id, status)
    [line] = await sandbox_client.intents_of(order.id)
    assert (line["status"], line["captured"], line["refunded"]) == books


async def test_concurrent_flows_in_two_replicas_charge_once(
    settings: Settings,
    client: AsyncClient,
    checkouts: CheckoutRepository,
    gateway: StripeGateway,
    peer: BusPeer,
    buyer: Session,
    sandbox_client: SandboxClient,
) -> None:
    orders = [OrderHistory(buyer.id) for _ in range(4)]
    advance = PaymentFlow(checkouts, gateway).advance

    async def at_last(order: OrderHistory) -> None:
        with suppress(StripeFailure):  # somebody else is taking the same step
            await advance(order.id)

    async def buy(order: OrderHistory, *replicas: AsyncClient) -> None:
        await start_payment(checkouts, order)
        body = {"orderId": order.id, "token": CARD}
        await asyncio.gather(
            *(one.post("/api/payments", json=body, headers=buyer.headers) for one in replicas),
            *(at_last(order) for _ in range(4)),
            wait_for_status(checkouts, order.id, PaymentStatus.AUTHORIZED),
        )
        await peer.publish(order.event(OrderCompleted, 1))
        await asyncio.gather(*(at_last(order) for _ in range(4)))
        await wait_for_status(checkouts, order.id, PaymentStatus.CAPTURED)

    async with running(create_app(settings)) as other:
        await asyncio.gather(*(buy(order, client, other) for order in orders))
    for order in orders:
        assert [line["captured"] for line in await sandbox_client.intents_of(order.id)] == [1999]
    told = [event.order_id for event in await peer.wait_for(PaymentCreated, len(orders))]
    assert sorted(told) == sorted(order.id for order in orders)


async def test_request_racing_reconciler_charges_once(
    checkouts: CheckoutRepository,
    client: AsyncClient,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
) -> None:
    await start_payment(checkouts, order)
    body = {"orderId": order.id, "token": CARD}
    await asyncio.gather(
        wait_for_status(checkouts, order.id, PaymentStatus.AUTHORIZED),
        *(client.post("/api/payments", json=body, headers=buyer.headers) for _ in range(5)),
    )
    assert [books["status"] for books in await sandbox_client.intents_of(order.id)] == [
        "requires_capture"
    ]


@pytest.mark.parametrize("operation", ["create", "confirm"])
@pytest.mark.parametrize("kind", ["drop_answer", "error", "conflict"])
async def test_a_silent_stripe_is_asked_again(
    checkouts: CheckoutRepository,
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    operation: str,
    kind: str,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    for _ in range(4):
        await sandbox_client.inject_fault(operation, kind)
    body = {"orderId": order.id, "token": CARD}
    waiting = await client.post("/api/payments", json=body, headers=buyer.headers)
    assert waiting.status_code == 202
    await wait_for_status(checkouts, order.id, PaymentStatus.AUTHORIZED)
    assert [books["status"] for books in await sandbox_client.intents_of(order.id)] == [
        "requires_capture"
    ]
