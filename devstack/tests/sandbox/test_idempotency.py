"""Stripe's rules for idempotency keys."""

from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import StripeClient

from devstack.sandbox.errors import StripeError
from devstack.sandbox.idempotency import KEPT_SECONDS, IdempotencyKeys

PARAMS: Any = {"amount": 1999, "currency": "usd", "payment_method": "pm_card_visa"}
KEYED: Any = {"idempotency_key": "k1"}


async def test_the_same_key_makes_one_intent(api: StripeClient, web: AsyncClient) -> None:
    create = api.v1.payment_intents.create_async
    first, again = await create(PARAMS, KEYED), await create(PARAMS, KEYED)
    assert first.id == again.id
    assert len((await web.get("/_sandbox/ledger")).json()) == 1


async def test_a_key_belongs_to_its_parameters(api: StripeClient) -> None:
    create = api.v1.payment_intents.create_async
    await create(PARAMS, KEYED)
    with pytest.raises(stripe.IdempotencyError):
        await create(PARAMS | {"amount": 2000}, KEYED)


async def test_a_decline_is_repeated(api: StripeClient) -> None:
    intents = api.v1.payment_intents
    intent = await intents.create_async(PARAMS | {"payment_method": "pm_card_chargeDeclined"})
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            await intents.confirm_async(intent.id, options=KEYED)


async def test_a_failure_is_repeated(api: StripeClient, web: AsyncClient) -> None:
    create = api.v1.payment_intents.create_async
    await web.post("/_sandbox/faults", json={"operation": "create", "kind": "error"})
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await create(PARAMS, KEYED)
    assert (await create(PARAMS, {"idempotency_key": "k2"})).status == "requires_confirmation"


async def test_a_wrong_request_is_not_remembered(api: StripeClient) -> None:
    create = api.v1.payment_intents.create_async
    with pytest.raises(stripe.InvalidRequestError):
        await create(PARAMS | {"amount": 1}, KEYED)
    assert (await create(PARAMS, KEYED)).id


def test_a_key_in_use_is_refused() -> None:
    keys = IdempotencyKeys()
    keys.begin("k", ("/v1", "a=b"))
    with pytest.raises(StripeError) as refused:
        keys.begin("k", ("/v1", "a=b"))
    assert refused.value.status == 409


def test_a_key_is_forgotten_after_a_day() -> None:
    now = 0.0
    keys = IdempotencyKeys(lambda: now)
    keys.begin("k", ("/v1", "a=b"))
    keys.finish("k", 200, {})
    assert keys.begin("k", ("/v1", "a=b")) == (200, {})
    now = KEPT_SECONDS + 1.0
    assert keys.begin("k", ("/v1", "other")) is None
