"""The life of a PaymentIntent, through Stripe's own SDK."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import PaymentIntent, StripeClient

Create = Callable[..., Awaitable[PaymentIntent]]
Books = Callable[[], Awaitable[list[dict[str, Any]]]]


async def test_an_amount_is_held_then_captured(
    api: StripeClient, create: Create, books: Books, order_id: str
) -> None:
    intents = api.v1.payment_intents
    intent = await create()
    assert (intent.status, intent.amount_capturable) == ("requires_confirmation", 0)
    held = await intents.confirm_async(intent.id)
    assert (held.status, held.amount_capturable) == ("requires_capture", 1999)
    taken = await intents.capture_async(intent.id)
    assert (taken.status, taken.amount_received) == ("succeeded", 1999)
    line = {"intent": intent.id, "orderId": order_id, "amount": 1999}
    assert await books() == [{**line, "status": "succeeded", "captured": 1999, "refunded": 0}]


async def test_less_than_what_is_held_can_be_captured(api: StripeClient, create: Create) -> None:
    intent = await create(confirm=True)
    capture = api.v1.payment_intents.capture_async
    for wrong in (0, 2000):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await capture(intent.id, {"amount_to_capture": wrong})
        assert refused.value.param == "amount_to_capture"
    assert (await capture(intent.id, {"amount_to_capture": 500})).amount_received == 500


async def test_automatic_capture_takes_the_money_at_once(create: Create) -> None:
    intent = await create(capture_method="automatic", confirm=True)
    assert (intent.status, intent.amount_received) == ("succeeded", 1999)


async def test_a_hold_is_released(api: StripeClient, create: Create, books: Books) -> None:
    intent = await create(confirm=True)
    params: Any = {"cancellation_reason": "abandoned"}
    released = await api.v1.payment_intents.cancel_async(intent.id, params)
    assert (released.status, released.amount_capturable) == ("canceled", 0)
    assert released.cancellation_reason == "abandoned"
    assert [(line["status"], line["captured"]) for line in await books()] == [("canceled", 0)]


async def test_a_card_can_come_with_the_confirmation(api: StripeClient, create: Create) -> None:
    intent = await create(card=None)
    assert intent.status == "requires_payment_method"
    held = await api.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (held.status, held.payment_method) == ("requires_capture", "pm_card_visa")


async def test_intent_keeps_metadata_and_description(create: Create) -> None:
    metadata = {"orderId": "o", "7": "seven"}
    intent = await create(
        metadata=metadata,
        description="A ticket",
        return_url="https://ticketing.test",
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
    )
    assert intent.metadata.to_dict() == metadata
    assert intent.description == "A ticket"


@pytest.mark.parametrize("step", ["confirm", "capture", "cancel"])
async def test_nothing_follows_a_capture(api: StripeClient, create: Create, step: str) -> None:
    intents = api.v1.payment_intents
    intent = await create(capture_method="automatic", confirm=True)
    late = getattr(intents, f"{step}_async")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await late(intent.id)
    assert (refused.value.http_status, refused.value.code) == (
        400,
        "payment_intent_unexpected_state",
    )
    assert refused.value.error is not None
    assert refused.value.error.payment_intent is not None
    assert refused.value.error.payment_intent.status == "succeeded"


async def test_nothing_is_captured_without_a_hold(api: StripeClient, create: Create) -> None:
    intents = api.v1.payment_intents
    intent = await create()
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await intents.capture_async(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"
        if intent.status != "canceled":
            intent = await intents.cancel_async(intent.id)


@pytest.mark.parametrize(
    ("success", "status"), [(True, "requires_capture"), (False, "requires_payment_method")]
)
async def test_a_bank_asks_the_buyer(
    api: StripeClient, web: AsyncClient, create: Create, success: bool, status: str
) -> None:
    intent = await create("pm_card_threeDSecure2Required", confirm=True)
    assert intent.status == "requires_action"
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    path = f"/_sandbox/intents/{intent.id}/authenticate"
    assert (await web.post(path, json={"success": success})).status_code == 200
    after = await api.v1.payment_intents.retrieve_async(intent.id)
    assert (after.status, after.next_action) == (status, None)
    error = after.last_payment_error
    assert (error and error.code) == (None if success else "payment_intent_authentication_failure")
    assert (await web.post(path, json={"success": success})).status_code == 400


async def test_intent_requiring_action_can_be_cancelled(
    api: StripeClient, web: AsyncClient, create: Create
) -> None:
    intent = await create("pm_card_authenticationRequired", confirm=True)
    await api.v1.payment_intents.cancel_async(intent.id)
    path = f"/_sandbox/intents/{intent.id}/authenticate"
    assert (await web.post(path, json={"success": True})).status_code == 400


async def test_a_hold_expires(
    api: StripeClient, web: AsyncClient, create: Create, books: Books
) -> None:
    intent = await create()
    path = f"/_sandbox/intents/{intent.id}/expire"
    assert (await web.post(path)).status_code == 400
    await api.v1.payment_intents.confirm_async(intent.id)
    assert (await web.post(path)).json()["cancellation_reason"] == "automatic"
    assert [(line["status"], line["captured"]) for line in await books()] == [("canceled", 0)]
    assert (await web.post("/_sandbox/intents/pi_nobody/expire")).status_code == 404


async def test_many_confirms_at_once_charge_once(
    api: StripeClient, create: Create, books: Books
) -> None:
    intent = await create(capture_method="automatic")
    confirm = api.v1.payment_intents.confirm_async
    answers = await asyncio.gather(*(confirm(intent.id) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, PaymentIntent) for answer in answers) == 1
    assert [line["captured"] for line in await books()] == [1999]


async def test_intents_are_listed_newest_first(api: StripeClient, create: Create) -> None:
    made = [(await create()).id for _ in range(3)]
    intents = api.v1.payment_intents
    page = await intents.list_async({"limit": 2})
    assert [intent.id for intent in page.data] == [made[2], made[1]]
    assert page.has_more
    rest = await intents.list_async({"limit": 1, "starting_after": made[1]})
    assert [intent.id for intent in rest.data] == [made[0]]


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": "xyz"}, "parameter_invalid", "currency"),
        ({"capture_method": "later"}, "parameter_invalid", "capture_method"),
        ({"card": None, "confirm": True}, "parameter_missing", "payment_method"),
        ({"card": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"card": "tok_visa"}, "resource_missing", "payment_method"),
    ],
)
async def test_wrong_parameters_are_refused(
    create: Create, books: Books, wrong: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await create(**wrong)
    assert refused.value.http_status == 400
    assert (refused.value.code, refused.value.param) == (code, param)
    assert await books() == []


async def test_an_unknown_intent_is_not_found(api: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await api.v1.payment_intents.retrieve_async("pi_nobody")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
