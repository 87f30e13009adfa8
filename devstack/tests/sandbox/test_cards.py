"""Stripe's test cards, by number, by token and by name."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import PaymentIntent, StripeClient

Create = Callable[..., Awaitable[PaymentIntent]]

PUBLISHABLE = {"Authorization": "Bearer pk_test_x", "Origin": "https://shop.test"}


def raw(number: str) -> Any:
    """What a buyer types."""
    return {"number": number, "exp_month": 12, "exp_year": 2099, "cvc": "123"}


def by_token(name: str) -> dict[str, Any]:
    """The parameters of an intent that wraps a token."""
    return {"card": None, "payment_method_data": {"type": "card", "card": {"token": name}}}


@pytest.mark.parametrize(
    ("card", "code", "reason"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
async def test_a_card_is_declined(
    api: StripeClient, create: Create, card: str, code: str, reason: str
) -> None:
    intents = api.v1.payment_intents
    intent = await create(card)
    with pytest.raises(stripe.CardError) as declined:
        await intents.confirm_async(intent.id)
    said = declined.value.error
    assert said is not None
    assert (declined.value.http_status, said.type) == (402, "card_error")
    assert (said.code, said.decline_code) == (code, reason)
    assert said.payment_intent is not None
    assert said.payment_intent.id == intent.id
    after = await intents.retrieve_async(intent.id)
    assert after.status == "requires_payment_method"
    assert (after.payment_method, after.latest_charge) == (None, None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == reason
    again = await intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert again.status == "requires_capture"


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("4242424242424242", "requires_capture"),
        ("5555 5555 5555 4444", "requires_capture"),
        ("4000002500003155", "requires_action"),
        ("4000002760003184", "requires_action"),
    ],
)
async def test_a_number_becomes_a_payment_method(
    api: StripeClient, create: Create, number: str, status: str
) -> None:
    made = await api.v1.payment_methods.create_async({"type": "card", "card": raw(number)})
    kept = (await api.v1.payment_methods.retrieve_async(made.id)).card
    assert kept is not None
    assert kept.last4 == number[-4:]
    assert kept.brand == ("mastercard" if number.startswith("5") else "visa")
    assert (await create(made.id, confirm=True)).status == status


@pytest.mark.parametrize(
    "number", ["4000000000000002", "4000000000009995", "4000000000000069", "4000000000000341"]
)
async def test_a_number_that_is_declined_makes_a_method(
    api: StripeClient, create: Create, number: str
) -> None:
    made = await api.v1.payment_methods.create_async({"type": "card", "card": raw(number)})
    with pytest.raises(stripe.CardError):
        await create(made.id, confirm=True)


async def test_an_unknown_number_is_refused(api: StripeClient) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await api.v1.tokens.create_async({"card": raw("4111111111111112")})
    assert refused.value.code == "incorrect_number"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("tok_visa", "requires_capture"),
        ("tok_mastercard", "requires_capture"),
        ("tok_threeDSecure2Required", "requires_action"),
    ],
)
async def test_a_named_token_can_be_used_often(create: Create, token: str, status: str) -> None:
    for _ in range(2):
        assert (await create(**by_token(token), confirm=True)).status == status


@pytest.mark.parametrize("token", ["tok_chargeDeclined", "tok_chargeDeclinedInsufficientFunds"])
async def test_a_named_token_is_declined(create: Create, token: str) -> None:
    with pytest.raises(stripe.CardError):
        await create(**by_token(token), confirm=True)


async def test_a_token_works_once(api: StripeClient, create: Create) -> None:
    token = await api.v1.tokens.create_async({"card": raw("4242424242424242")})
    assert (await create(**by_token(token.id))).status == "requires_confirmation"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await create(**by_token(token.id))
    assert refused.value.code == "token_already_used"


@pytest.mark.parametrize("name", ["tok_nobody", "pm_card_visa"])
async def test_an_unknown_token_is_refused(create: Create, name: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await create(**by_token(name))
    assert refused.value.code == "resource_missing"
    assert refused.value.param == "payment_method_data[card][token]"


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/payment_methods"])
async def test_a_browser_may_name_a_card(web: AsyncClient, path: str) -> None:
    asks = {
        "Origin": "https://shop.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    allowed = await web.options(path, headers=asks)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-headers"] == "authorization"
    form = {"type": "card", "card[number]": "4242424242424242"}
    made = await web.post(path, data=form, headers=PUBLISHABLE)
    assert made.status_code == 200
    assert made.headers["access-control-allow-origin"] == "*"


async def test_a_browser_may_not_take_money(web: AsyncClient) -> None:
    form = {"amount": "1999", "currency": "usd"}
    refused = await web.post("/v1/payment_intents", data=form, headers=PUBLISHABLE)
    assert refused.status_code == 401
