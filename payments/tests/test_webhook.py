"""Listener Stripe."""

import asyncio
import json
import time
from urllib.parse import urlsplit

import pytest
import stripe
from fastapi import FastAPI
from httpx import AsyncClient, Response

from common.contracts.events import OrderCompleted, OrderCreated, PaymentCreated, PaymentFailed
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.scraping import delta, scrape
from devstack.testing import BusPeer, Session, eventually, serving
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
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    settings: Settings,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    body = {"orderId": order.id, "token": "pm_card_threeDSecure2Required"}
    asked = await client.post("/api/payments", json=body, headers=buyer.headers)
    assert asked.status_code == 202
    assert asked.json()["clientSecret"]
    await sandbox_client.authenticate(order.id, success=True)
    hint = webhook("payment_intent.amount_capturable_updated", order.id)
    for _ in range(3):  # Stripe delivers at least once
        assert (await send(client, hint, settings.stripe_webhook_secret)).status_code == 200
    await peer.wait_for(PaymentCreated)
    again = await client.post("/api/payments", json=body, headers=buyer.headers)
    assert again.status_code == 200
    assert again.json()["status"] == "authorized"
    assert len(peer.received_of(PaymentCreated)) == 1


@pytest.mark.parametrize("kind", ["payment_intent.canceled", "charge.dispute.created", "new.thing"])
async def test_any_event_of_stripe_is_acknowledged(
    client: AsyncClient, settings: Settings, kind: str
) -> None:
    body = webhook(kind, "0" * 24)
    assert (await send(client, body, settings.stripe_webhook_secret)).status_code == 200


THING = '"object": {"object": "payment_intent", "metadata": '


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "null",
        "17",
        '"evt_1"',
        "",
        "not even JSON",
        "[" * 30_000,
        '{"object": "event"}',
        '{"object": "event", "type": "payment_intent.succeeded", "data": null}',
        '{"object": "event", "data": {}}',
        '{"object": "event", "data": {"object": null}}',
        '{"object": "event", "data": {"object": ["pi_1"]}}',
        '{"object": "event", "data": {"object": {"object": "balance"}}}',
        '{"object": "event", "data": {' + THING + "null}}}",
        '{"object": "event", "data": {' + THING + "[]}}}",
        '{"object": "event", "data": {' + THING + "{}}}}",
        '{"object": "event", "data": {' + THING + '{"orderId": null}}}}',
        '{"object": "event", "data": {' + THING + '{"orderId": 7}}}}',
        '{"object": "event", "data": {' + THING + '{"orderId": "of another system"}}}}',
        '{"object": "event", "data": {' + THING + '{"orderId": "\\u0000"}}}}',
        '{"object": "v2.core.event", "type": "v2.core.account.updated", "id": "evt_1",'
        ' "related_object": {"id": "acct_1", "type": "account", "url": "/v2/core/accounts/1"}}',
        '{"object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",'
        ' "data": {"developer_message_summary": "none"}}',
    ],
)
async def test_whatever_is_signed_and_not_ours_is_acknowledged(
    client: AsyncClient, settings: Settings, body: str
) -> None:
    answer = await send(client, body.encode(), settings.stripe_webhook_secret)
    assert (answer.status_code, answer.json()) == (200, {"received": True})


async def test_webhook_content_is_not_trusted(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    settings: Settings,
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    body = {"orderId": order.id, "token": "pm_card_visa"}
    assert (await client.post("/api/payments", json=body, headers=buyer.headers)).is_success
    kinds = ("canceled", "succeeded", "requires_action", "payment_failed", "created")
    for kind in kinds:  # in no order that could be true
        hint = webhook(f"payment_intent.{kind}", order.id)
        assert (await send(client, hint, settings.stripe_webhook_secret)).status_code == 200
    await peer.publish(order.event(OrderCompleted, 1))
    checkout = f"/api/payments/{order.id}"

    async def captured() -> bool:
        shown = (await client.get(checkout, headers=buyer.headers)).json()
        assert shown["status"] in {"authorized", "captured"}
        return bool(shown["status"] == "captured")

    await eventually(captured)
    for kind in kinds:
        hint = webhook(f"payment_intent.{kind}", order.id)
        assert (await send(client, hint, settings.stripe_webhook_secret)).status_code == 200
        assert await captured()
    assert [books["captured"] for books in await sandbox_client.intents_of(order.id)] == [1999]
    assert len(await peer.wait_for(PaymentCreated)) == 1
    assert peer.received_of(PaymentFailed) == []


@pytest.mark.parametrize(
    "signature",
    ["", "t", "t=,v1=", "t=1", "t=x,v1=00", "v1=00", "t=1,v1=\xe9", "t=9999999999,v1=00"],
)
async def test_a_malformed_signature_is_refused(client: AsyncClient, signature: str) -> None:
    headers = [(b"Stripe-Signature", signature.encode("latin-1"))]
    hint = webhook("payment_intent.succeeded", "0" * 24)
    answer = await client.post("/api/payments/webhook", content=hint, headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {"errors": [{"message": "The signature is not Stripe's"}]}


async def test_bytes_that_are_no_text_are_refused(client: AsyncClient) -> None:
    headers = {"Stripe-Signature": "t=1,v1=00"}
    answer = await client.post("/api/payments/webhook", content=b"\xff\xfe", headers=headers)
    assert answer.status_code == 400


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


async def test_aborted_webhook_is_no_failure(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(app) as url, AsyncClient(base_url=url) as client:
        before = await scrape(client)
        _, writer = await asyncio.open_connection(*urlsplit(url).netloc.split(":"))
        writer.write(b"POST /api/payments/webhook HTTP/1.1\r\nHost: here\r\n")
        writer.write(b"Content-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        labels = frozenset({"POST", "/api/payments/webhook", "0"})

        async def is_counted() -> bool:
            return delta(before, await scrape(client), "requests_total") == {labels: 1}

        await eventually(is_counted)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
