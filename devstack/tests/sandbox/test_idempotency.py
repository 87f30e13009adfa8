"""Stripe's rules for idempotency keys."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import PaymentIntent, StripeClient

from common.contracts.ids import new_id
from devstack.sandbox.idempotency import RETENTION_SECONDS, IdempotencyKeys
from devstack.testing import eventually

Create = Callable[..., Awaitable[PaymentIntent]]
Books = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def key() -> str:
    """A key that nobody has used."""
    return new_id()


async def test_the_same_key_makes_one_intent(create: Create, books: Books, key: str) -> None:
    first, again = await create(key=key), await create(key=key)
    assert first.id == again.id
    assert len(await books()) == 1


async def test_a_repeated_answer_says_so(web: AsyncClient, key: str) -> None:
    headers = {"Authorization": "Bearer sk_test_x", "Idempotency-Key": key}
    form = {"amount": "1999", "currency": "usd"}
    first = await web.post("/v1/payment_intents", data=form, headers=headers)
    again = await web.post("/v1/payment_intents", data=form, headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)


async def test_a_key_belongs_to_its_parameters(create: Create, key: str) -> None:
    await create(key=key)
    with pytest.raises(stripe.IdempotencyError) as refused:
        await create(key=key, amount=2000)
    assert refused.value.http_status == 400


async def test_a_key_belongs_to_its_path(api: StripeClient, create: Create, key: str) -> None:
    intents = api.v1.payment_intents
    intent = await create()
    await intents.confirm_async(intent.id, options={"idempotency_key": key})
    with pytest.raises(stripe.IdempotencyError):
        await intents.capture_async(intent.id, options={"idempotency_key": key})


@pytest.mark.parametrize(
    ("card", "error"),
    [("pm_card_chargeDeclined", stripe.CardError), (None, stripe.InvalidRequestError)],
)
async def test_a_refused_step_is_repeated(
    api: StripeClient, create: Create, key: str, card: str | None, error: type[stripe.StripeError]
) -> None:
    confirm = api.v1.payment_intents.confirm_async
    intent = await create(card)
    said = []
    for _ in range(2):
        with pytest.raises(error) as refused:
            await confirm(intent.id, options={"idempotency_key": key})
        said.append((refused.value.http_body, refused.value.headers))
    assert said[0][0] == said[1][0]
    assert "idempotent-replayed" in (said[1][1] or {})


async def test_a_failure_is_repeated(web: AsyncClient, create: Create, books: Books) -> None:
    key = new_id()
    await web.post("/_sandbox/faults", json={"operation": "create", "kind": "error"})
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            await create(key=key)
        assert failed.value.http_status == 500
    assert await books() == []
    assert (await create()).status == "requires_confirmation"


@pytest.mark.parametrize("wrong", [{"amount": 1}, {"card": "pm_nobody"}, {"metadata": "x"}])
async def test_a_wrong_request_is_not_remembered(
    create: Create, key: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await create(key=key, **wrong)
    assert (await create(key=key)).id


async def test_a_key_in_use_is_refused(web: AsyncClient, create: Create, key: str) -> None:
    fault = {"operation": "create", "kind": "delay", "seconds": 2}
    await web.post("/_sandbox/faults", json=fault)
    making = asyncio.ensure_future(create(key=key))

    async def is_under_way() -> bool:
        return bool((await web.get("/_sandbox/faults")).json() == [])

    await eventually(is_under_way)
    with pytest.raises(stripe.StripeError) as refused:
        await create(key=key)
    assert refused.value.http_status == 409
    assert refused.value.error is not None
    assert refused.value.error.code == "idempotency_key_in_use"
    made = await making
    assert (await create(key=key)).id == made.id


async def test_a_key_that_is_too_long_is_refused(create: Create) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await create(key="k" * 256)


def test_a_key_is_forgotten_after_a_day() -> None:
    now = 0.0
    keys = IdempotencyKeys(lambda: now)
    keys.begin("k", "a=b")
    keys.finish("k", 200, {})
    now = RETENTION_SECONDS
    assert keys.begin("k", "a=b") == (200, {})
    now = RETENTION_SECONDS + 1.0
    assert keys.begin("k", "other") is None


def test_idempotency_key_expires_despite_restarts() -> None:
    now = 0.0
    keys = IdempotencyKeys(lambda: now)
    for key in ("finished", "in progress", "old"):
        keys.begin(key, "a=b")
    keys.finish("old", 200, {})
    now = RETENTION_SECONDS / 2
    keys.release("finished")
    keys.begin("finished", "a=b")
    keys.finish("finished", 402, {"error": {}})
    now = RETENTION_SECONDS + 1.0
    restarted = IdempotencyKeys(lambda: now)
    restarted.restore(keys.drain_changes())
    assert [one.key for one in restarted.all_stored()] == ["finished"]
    assert restarted.begin("finished", "a=b") == (402, {"error": {}})
    assert restarted.begin("in progress", "a=b") is None
    assert restarted.begin("old", "a=b") is None
