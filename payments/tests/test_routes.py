"""Paying over HTTP."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient, Response
from pydantic import ValidationError

from common.contracts.events import (
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    PaymentCreated,
    PaymentFailed,
)
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.sandbox.dashboard import StripeDashboard
from devstack.testing import BusPeer, Session, eventually
from payments.settings import Settings


async def pay(client: AsyncClient, who: Session, order_id: str, card: str = "tok_visa") -> Response:
    """Press Pay."""
    body = {"orderId": order_id, "token": card}
    return await client.post("/api/payments", json=body, headers=who.headers)


async def status_of(client: AsyncClient, who: Session, order_id: str) -> object:
    """What the buyer sees of the payment."""
    return (await client.get(f"/api/payments/{order_id}", headers=who.headers)).json()["status"]


async def wait_for_status(client: AsyncClient, who: Session, order_id: str, status: str) -> None:
    """Wait until the buyer sees a status."""

    async def there() -> bool:
        return await status_of(client, who, order_id) == status

    await eventually(there, f"the payment becomes {status}")


@pytest.mark.parametrize("card", ["pm_card_visa", "tok_visa"])
async def test_a_payment_is_held_then_captured(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    card: str,
    sandbox_client: SandboxClient,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    paid = await pay(client, buyer, order.id, card)
    assert paid.status_code == 201, paid.text
    payment = paid.json()
    assert payment == {
        "id": payment["id"],
        "orderId": order.id,
        "status": "authorized",
        "price": 19.99,
    }
    [event] = await peer.wait_for(PaymentCreated)
    [intent] = await sandbox_client.intents_of(order.id)
    assert event == PaymentCreated(
        order_id=order.id, id=payment["id"], stripe_id=str(intent["intent"])
    )
    assert (intent["status"], intent["captured"]) == ("requires_capture", 0)
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_status(client, buyer, order.id, "captured")
    assert [intent["captured"] for intent in await sandbox_client.intents_of(order.id)] == [1999]


async def test_a_cancelled_order_releases_the_hold(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    await pay(client, buyer, order.id)
    await peer.publish(order.event(OrderCancelled, 1))
    await wait_for_status(client, buyer, order.id, "voided")
    [intent] = await sandbox_client.intents_of(order.id)
    assert (intent["status"], intent["captured"]) == ("canceled", 0)
    assert (await pay(client, buyer, order.id)).status_code == 409


async def test_a_declined_card_is_told_and_announced(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    declined = await pay(client, buyer, order.id, "pm_card_chargeDeclinedInsufficientFunds")
    assert declined.status_code == 402
    [failed] = await peer.wait_for(PaymentFailed)
    assert isinstance(failed, PaymentFailed)
    assert (failed.order_id, failed.reason) == (order.id, "insufficient_funds")
    assert (await pay(client, buyer, order.id)).status_code == 409
    assert await status_of(client, buyer, order.id) == "declined"
    [intent] = await sandbox_client.intents_of(order.id)
    assert intent["status"] == "canceled"


async def test_an_order_is_the_buyers_business(
    client: AsyncClient, peer: BusPeer, order: OrderHistory, sign_in: Callable[[], Session]
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    stranger = sign_in()
    assert (await pay(client, stranger, order.id)).status_code == 403
    shown = await client.get(f"/api/payments/{order.id}", headers=stranger.headers)
    assert shown.status_code == 403


async def test_an_unknown_order_is_not_found(client: AsyncClient, buyer: Session) -> None:
    for order_id in ("0" * 24, "f" * 24):
        assert (await pay(client, buyer, order_id)).status_code == 404
        shown = await client.get(f"/api/payments/{order_id}", headers=buyer.headers)
        assert shown.status_code == 404


async def test_there_is_no_payment_before_the_first_try(
    client: AsyncClient, peer: BusPeer, buyer: Session, order: OrderHistory
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    assert (await pay(client, buyer, order.id, "pm_nobody_knows")).status_code == 400
    shown = await client.get(f"/api/payments/{order.id}", headers=buyer.headers)
    assert shown.status_code == 404


async def test_an_order_about_to_expire_is_refused(
    client: AsyncClient, peer: BusPeer, buyer: Session, sandbox_client: SandboxClient
) -> None:
    order = OrderHistory(buyer.id, datetime.now(UTC) + timedelta(seconds=3))
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    refused = await pay(client, buyer, order.id)
    assert refused.status_code == 409
    assert refused.json()["errors"] == [{"message": "The order is about to expire"}]
    assert await sandbox_client.intents_of(order.id) == []


async def test_order_cancelled_during_confirmation_is_not_paid(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dashboard: StripeDashboard,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    await dashboard.inject_fault("confirm", "delay_answer", 1)
    await dashboard.inject_fault("cancel", "conflict")
    paying = asyncio.create_task(pay(client, buyer, order.id))

    async def held() -> bool:
        return [books["status"] for books in await sandbox_client.intents_of(order.id)] == [
            "requires_capture"
        ]

    await eventually(held)
    await peer.publish(order.event(OrderCancelled, 1))
    await peer.wait_acked_by("payments")
    assert not paying.done()
    assert (await paying).status_code == 409
    await dashboard.clear_faults()
    await wait_for_status(client, buyer, order.id, "voided")
    assert peer.received_of(PaymentCreated) == []


async def test_stripe_config_needs_no_session(client: AsyncClient) -> None:
    answer = await client.get("/api/payments/config")
    assert (answer.status_code, answer.json()) == (
        200,
        {"publishableKey": "pk_test_sandbox", "stripeJs": "https://js.stripe.com/v3/"},
    )


@pytest.mark.parametrize("wrong", ["", "sk_test_secret", "pk_test_", "pk_test_a b"])
def test_secret_key_is_rejected_as_publishable_key(settings: Settings, wrong: str) -> None:
    given = settings.model_dump() | {"stripe_publishable_key": wrong}
    with pytest.raises(ValidationError):
        Settings.model_validate(given)
