"""The life of a PaymentIntent, through Stripe's own SDK."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import PaymentIntent, StripeClient

from devstack.sandbox.ledger import Ledger


async def create(api: StripeClient, card: str = "pm_card_visa", **more: Any) -> PaymentIntent:
    """An intent to hold 19.99 on a card."""
    params: Any = {"amount": 1999, "currency": "usd", "capture_method": "manual"}
    params |= {"payment_method": card, "metadata": {"orderId": "o1"}, **more}
    return await api.v1.payment_intents.create_async(params)


async def books(web: AsyncClient) -> list[dict[str, Any]]:
    """The sandbox's ledger."""
    found: list[dict[str, Any]] = (await web.get("/_sandbox/ledger")).json()
    return found


async def test_an_amount_is_held_then_captured(api: StripeClient, web: AsyncClient) -> None:
    intents = api.v1.payment_intents
    intent = await create(api)
    assert intent.status == "requires_confirmation"
    held = await intents.confirm_async(intent.id)
    assert (held.status, held.amount_capturable) == ("requires_capture", 1999)
    taken = await intents.capture_async(intent.id)
    assert (taken.status, taken.amount_received) == ("succeeded", 1999)
    assert await books(web) == [
        {
            "intent": intent.id,
            "orderId": "o1",
            "amount": 1999,
            "status": "succeeded",
            "captured": 1999,
            "refunded": 0,
        }
    ]


async def test_a_hold_is_released(api: StripeClient) -> None:
    intents = api.v1.payment_intents
    intent = await create(api, confirm=True)
    assert (await intents.cancel_async(intent.id)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await intents.capture_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
async def test_a_card_is_declined(api: StripeClient, card: str, reason: str) -> None:
    intents = api.v1.payment_intents
    intent = await create(api, card)
    with pytest.raises(stripe.CardError) as declined:
        await intents.confirm_async(intent.id)
    assert declined.value.code == "card_declined"
    assert declined.value.error is not None
    assert declined.value.error.decline_code == reason
    after = await intents.retrieve_async(intent.id)
    assert after.status == "requires_payment_method"
    again = await intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert again.status == "requires_capture"


@pytest.mark.parametrize(
    ("success", "status"), [(True, "requires_capture"), (False, "requires_payment_method")]
)
async def test_a_bank_asks_the_buyer(
    api: StripeClient, web: AsyncClient, success: bool, status: str
) -> None:
    intent = await create(api, "pm_card_threeDSecure2Required", confirm=True)
    assert intent.status == "requires_action"
    assert intent.client_secret
    path = f"/_sandbox/intents/{intent.id}/authenticate"
    assert (await web.post(path, json={"success": success})).status_code == 200
    after = await api.v1.payment_intents.retrieve_async(intent.id)
    assert after.status == status
    assert (await web.post(path, json={"success": success})).status_code == 400


async def test_cards_of_all_kinds_are_accepted(api: StripeClient) -> None:
    card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2099, "cvc": "123"}
    v1 = api.v1
    token = await v1.tokens.create_async({"card": card})
    method = await v1.payment_methods.create_async({"type": "card", "card": {"token": token.id}})
    kept = (await v1.payment_methods.retrieve_async(method.id)).card
    assert kept is not None
    assert kept.last4 == "4242"
    for name in (token.id, "tok_visa"):
        data = {"type": "card", "card": {"token": name}}
        params: Any = {
            "amount": 50,
            "currency": "usd",
            "payment_method_data": data,
            "confirm": True,
        }
        assert (await v1.payment_intents.create_async(params)).status == "succeeded"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"amount": 49}, "amount_too_small"),
        ({"amount": "12.5"}, "parameter_invalid_integer"),
        ({"payment_method": "pm_nobody"}, "resource_missing"),
    ],
)
async def test_wrong_parameters_are_refused(
    api: StripeClient, wrong: dict[str, Any], code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await create(api, **wrong)
    assert refused.value.code == code


async def test_a_wrong_key_is_refused(web: AsyncClient) -> None:
    answer = await web.get("/v1/payment_intents", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401


async def test_many_confirms_at_once_charge_once(api: StripeClient, web: AsyncClient) -> None:
    intent = await create(api, capture_method="automatic")
    confirm = api.v1.payment_intents.confirm_async
    answers = await asyncio.gather(*(confirm(intent.id) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, PaymentIntent) for answer in answers) == 1
    assert [line["captured"] for line in await books(web)] == [1999]


async def test_no_more_is_refunded_than_was_taken(api: StripeClient, web: AsyncClient) -> None:
    intent = await create(api, capture_method="automatic", confirm=True)
    refunds = api.v1.refunds
    await refunds.create_async({"payment_intent": intent.id, "amount": 999})
    with pytest.raises(stripe.InvalidRequestError):
        await refunds.create_async({"payment_intent": intent.id, "amount": 1001})
    await refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await refunds.create_async({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    assert [line["refunded"] for line in await books(web)] == [1999]


async def test_the_books_survive_a_restart(
    api: StripeClient, web: AsyncClient, books_file: Path
) -> None:
    intent = await create(api, confirm=True)
    reopened = Ledger(books_file)
    assert reopened.books() == await books(web)
    assert reopened.intent(intent.id).status == "requires_capture"
