"""Hearing Stripe."""

import json
import time

import pytest
import stripe
from httpx import AsyncClient, Response

from common.contracts.events import OrderCreated, PaymentCreated
from devstack.order_history import OrderHistory
from devstack.people import Ledger
from devstack.testing import Neighbour, Person
from payments.settings import Settings


def webhook(kind: str, order_id: str) -> bytes:
    """The body of Stripe's message about the intent of an order."""
    intent = {"object": "payment_intent", "id": "pi_1", "metadata": {"orderId": order_id}}
    event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": intent}}
    return json.dumps(event).encode()


async def send(client: AsyncClient, body: bytes, secret: str, age: int = 0) -> Response:
    """Post a message with a signature."""
    stamp = int(time.time()) - age
    signature = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    headers = {"Stripe-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"}
    return await client.post("/api/payments/webhook", content=body, headers=headers)


async def test_a_webhook_finishes_what_the_bank_asked(
    client: AsyncClient,
    neighbour: Neighbour,
    buyer: Person,
    order: OrderHistory,
    ledger: Ledger,
    settings: Settings,
) -> None:
    await neighbour.say(order.event(OrderCreated, 0))
    body = {"orderId": order.id, "token": "pm_card_threeDSecure2Required"}
    asked = await client.post("/api/payments", json=body, headers=buyer.headers)
    assert asked.status_code == 202
    assert asked.json()["clientSecret"]
    await ledger.authenticate(order.id, success=True)
    hint = webhook("payment_intent.amount_capturable_updated", order.id)
    for _ in range(3):  # Stripe delivers at least once
        assert (await send(client, hint, settings.stripe_webhook_secret)).status_code == 200
    await neighbour.hears(PaymentCreated)
    again = await client.post("/api/payments", json=body, headers=buyer.headers)
    assert again.status_code == 200
    assert again.json()["status"] == "authorized"
    assert len(neighbour.heard_of(PaymentCreated)) == 1


@pytest.mark.parametrize("kind", ["payment_intent.canceled", "charge.dispute.created", "new.thing"])
async def test_any_event_of_stripe_is_acknowledged(
    client: AsyncClient, settings: Settings, kind: str
) -> None:
    body = webhook(kind, "0" * 24)
    assert (await send(client, body, settings.stripe_webhook_secret)).status_code == 200


@pytest.mark.parametrize(("secret", "age"), [("whsec_of_somebody_else", 0), ("", 3600)])
async def test_a_wrong_signature_is_refused(
    client: AsyncClient, settings: Settings, secret: str, age: int
) -> None:
    body = webhook("payment_intent.succeeded", "0" * 24)
    answer = await send(client, body, secret or settings.stripe_webhook_secret, age)
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"message": "The signature is not Stripe's"}]}


async def test_a_webhook_without_a_signature_is_refused(client: AsyncClient) -> None:
    answer = await client.post("/api/payments/webhook", content=b"{}")
    assert answer.status_code == 400
