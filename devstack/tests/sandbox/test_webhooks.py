"""What the sandbox tells, signed and again until somebody listens."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import StripeClient

from devstack.sandbox.api import Api
from devstack.sandbox.ledger import Ledger
from devstack.sandbox.server import create_sandbox
from devstack.sandbox.webhooks import MAX_ATTEMPTS, Webhooks
from devstack.testing import TIMEOUT_SECONDS, eventually, serving
from devstack.webhook_receiver import WebhookReceiver

SECRET = "whsec_heard"
Sdk = Callable[[str], AbstractAsyncContextManager[StripeClient]]


@pytest.fixture
def receiver() -> WebhookReceiver:
    """Somebody who hears webhooks."""
    return WebhookReceiver()


@pytest.fixture
async def sandbox_url(receiver: WebhookReceiver) -> AsyncIterator[str]:
    """A sandbox before an receiver, impatient enough for a test."""
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(serving(receiver.app()))
        webhooks = Webhooks(f"{hook}/hook", SECRET, backoff=0.002)
        api = Api(Ledger(), webhooks)
        yield await stack.enter_async_context(serving(create_sandbox(api)))


def hold(card: str = "pm_card_visa", **more: Any) -> Any:
    """The parameters of an intent to hold an amount."""
    held = {"amount": 1999, "currency": "usd", "capture_method": "manual"}
    return held | {"payment_method": card, "metadata": {"orderId": "o1"}, **more}


async def heard(receiver: WebhookReceiver, *kinds: str) -> dict[str, dict[str, Any]]:
    """Wait for just these events, which may overtake each other; what they are, by kind."""

    async def all_of_them() -> bool:
        return len(receiver.received) >= len(kinds)

    await eventually(all_of_them, f"{kinds}")
    events = [
        stripe.Webhook.construct_event(body, signature, SECRET).to_dict()
        for body, signature in receiver.received
    ]
    assert sorted(event["type"] for event in events) == sorted(kinds)
    return {event["type"]: event for event in events}


async def test_a_sale_is_told_step_by_step(api: StripeClient, receiver: WebhookReceiver) -> None:
    intents = api.v1.payment_intents
    intent = await intents.create_async(hold(confirm=True))
    await intents.capture_async(intent.id)
    await api.v1.refunds.create_async({"payment_intent": intent.id})
    told = await heard(
        receiver,
        "payment_intent.created",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "charge.refunded",
    )
    things = {kind: event["data"]["object"] for kind, event in told.items()}
    assert things["payment_intent.created"]["status"] == "requires_confirmation"
    assert things["payment_intent.amount_capturable_updated"]["status"] == "requires_capture"
    assert things["payment_intent.succeeded"]["status"] == "succeeded"
    assert things["charge.refunded"]["payment_intent"] == intent.id
    assert {thing["metadata"]["orderId"] for thing in things.values()} == {"o1"}


async def test_an_intent_without_a_card_is_only_created(
    api: StripeClient, receiver: WebhookReceiver
) -> None:
    await api.v1.payment_intents.create_async({"amount": 50, "currency": "usd"})
    await heard(receiver, "payment_intent.created")


async def test_every_decline_is_told(api: StripeClient, receiver: WebhookReceiver) -> None:
    intents = api.v1.payment_intents
    intent = await intents.create_async(hold("pm_card_chargeDeclined"))
    params: Any = {"payment_method": "pm_card_chargeDeclined"}
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await intents.confirm_async(intent.id, params)
    failed = "payment_intent.payment_failed"
    await heard(receiver, "payment_intent.created", failed, failed)


@pytest.mark.parametrize(
    ("success", "kind"), [(True, "amount_capturable_updated"), (False, "payment_failed")]
)
async def test_3ds_requirement_emits_webhook(
    api: StripeClient, receiver: WebhookReceiver, web: AsyncClient, success: bool, kind: str
) -> None:
    card = "pm_card_threeDSecure2Required"
    intent = await api.v1.payment_intents.create_async(hold(card, confirm=True))
    await web.post(f"/_sandbox/intents/{intent.id}/authenticate", json={"success": success})
    asked = ("payment_intent.created", "payment_intent.requires_action")
    await heard(receiver, *asked, f"payment_intent.{kind}")


async def test_the_end_of_a_hold_is_told(
    api: StripeClient, receiver: WebhookReceiver, web: AsyncClient
) -> None:
    intent = await api.v1.payment_intents.create_async(hold(confirm=True))
    await web.post(f"/_sandbox/intents/{intent.id}/expire")
    held = ("payment_intent.created", "payment_intent.amount_capturable_updated")
    told = await heard(receiver, *held, "payment_intent.canceled")
    canceled = told["payment_intent.canceled"]["data"]["object"]
    assert canceled["cancellation_reason"] == "automatic"


async def test_an_event_looks_like_stripes(api: StripeClient, receiver: WebhookReceiver) -> None:
    intents = api.v1.payment_intents
    intent = await intents.create_async(hold())
    await intents.cancel_async(intent.id, options={"idempotency_key": "k1"})
    event = (await heard(receiver, "payment_intent.created", "payment_intent.canceled"))[
        "payment_intent.canceled"
    ]
    assert event["id"].startswith("evt_")
    assert event["request"]["id"].startswith("req_")
    assert event["request"]["idempotency_key"] == "k1"
    assert (event["object"], event["livemode"], event["pending_webhooks"]) == ("event", False, 1)
    assert event["api_version"] == stripe.api_version
    assert abs(event["created"] - time.time()) < 60


async def test_a_signature_holds_for_one_body(api: StripeClient, receiver: WebhookReceiver) -> None:
    await api.v1.payment_intents.create_async(hold())
    await heard(receiver, "payment_intent.created")
    [(body, signature)] = receiver.received
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", signature, SECRET)


async def test_a_refused_webhook_comes_again(api: StripeClient, receiver: WebhookReceiver) -> None:
    receiver.refusals = MAX_ATTEMPTS - 1
    await api.v1.payment_intents.create_async(hold())
    await heard(receiver, "payment_intent.created")
    assert receiver.refused == MAX_ATTEMPTS - 1


async def test_stopping_does_not_wait_for_the_deaf(sdk: Sdk) -> None:
    webhooks = Webhooks("http://127.0.0.1:1/", SECRET, backoff=10 * TIMEOUT_SECONDS)
    sandbox = create_sandbox(Api(Ledger(), webhooks))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        async with serving(sandbox) as url, sdk(url) as api:
            await api.v1.payment_intents.create_async(hold(confirm=True))
