"""Failures on demand."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from httpx import AsyncClient
from stripe import PaymentIntent, StripeClient

from common.contracts.ids import new_id
from devstack.testing import eventually

Create = Callable[..., Awaitable[PaymentIntent]]
Books = Callable[[], Awaitable[list[dict[str, Any]]]]


async def break_down(web: AsyncClient, operation: str, kind: str, **more: Any) -> None:
    """Order a fault."""
    fault = {"operation": operation, "kind": kind, **more}
    answer = await web.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 201


async def test_a_dropped_answer_was_executed(
    web: AsyncClient, create: Create, books: Books
) -> None:
    key = new_id()
    await break_down(web, "create", "drop_answer")
    with pytest.raises(stripe.APIConnectionError):
        await create(key=key)
    [line] = await books()
    assert (await create(key=key)).id == line["intent"]


@pytest.mark.parametrize("step", ["confirm", "capture", "cancel", "retrieve"])
async def test_any_step_can_lose_its_answer(
    api: StripeClient, web: AsyncClient, create: Create, step: str
) -> None:
    intents = api.v1.payment_intents
    intent = await create(confirm=step != "confirm")
    await break_down(web, step, "drop_answer")
    with pytest.raises(stripe.APIConnectionError):
        await getattr(intents, f"{step}_async")(intent.id)
    then = {"capture": "succeeded", "cancel": "canceled"}.get(step, "requires_capture")
    assert (await intents.retrieve_async(intent.id)).status == then


async def test_a_dropped_answer_does_not_even_begin(web: AsyncClient, sandbox_url: str) -> None:
    await break_down(web, "create", "drop_answer")
    address = urlsplit(sandbox_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    form, key = b"amount=1999&currency=usd", b"Authorization: Bearer sk_test_x"
    head = b"POST /v1/payment_intents HTTP/1.1\r\nHost: stripe\r\nContent-Length: %d\r\n%b\r\n\r\n"
    writer.write(head % (len(form), key) + form)
    received = b""
    with suppress(ConnectionResetError):
        received = await reader.read()
    assert received == b""
    assert (await web.get("/_sandbox/faults")).json() == []
    writer.close()


@pytest.mark.parametrize(("kind", "status"), [("conflict", 409), ("error", 500)])
async def test_a_refused_request_was_not_executed(
    web: AsyncClient, create: Create, books: Books, kind: str, status: int
) -> None:
    await break_down(web, "*", kind)
    with pytest.raises(stripe.APIError) as refused:
        await create()
    assert refused.value.http_status == status
    assert await books() == []


async def test_a_conflict_is_not_remembered(web: AsyncClient, create: Create) -> None:
    key = new_id()
    await break_down(web, "create", "conflict")
    with pytest.raises(stripe.APIError):
        await create(key=key)
    assert (await create(key=key)).id


async def test_a_delay_only_takes_time(web: AsyncClient, create: Create) -> None:
    await break_down(web, "create", "delay", seconds=0.3)
    started = time.monotonic()
    await create()
    assert time.monotonic() - started >= 0.3


async def test_a_delayed_answer_was_executed_at_once(
    web: AsyncClient, create: Create, books: Books
) -> None:
    await break_down(web, "create", "delay_answer", seconds=60)
    waiting = asyncio.ensure_future(create())

    async def written_down() -> bool:
        return len(await books()) == 1

    await eventually(written_down)
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize(
    ("step", "error", "code"),
    [
        ("confirm", stripe.InvalidRequestError, "payment_intent_unexpected_state"),
        ("capture", stripe.CardError, "card_declined"),
        ("cancel", stripe.InvalidRequestError, "payment_intent_unexpected_state"),
    ],
)
async def test_a_refusal_changes_nothing_and_is_repeated(
    api: StripeClient,
    web: AsyncClient,
    create: Create,
    step: str,
    error: type[stripe.StripeError],
    code: str,
) -> None:
    intents, key = api.v1.payment_intents, new_id()
    before = await create(confirm=step != "confirm")
    await break_down(web, step, "refuse")
    take = getattr(intents, f"{step}_async")
    for _ in range(2):
        with pytest.raises(error) as refused:
            await take(before.id, options={"idempotency_key": key})
        assert refused.value.code == code
    assert (await intents.retrieve_async(before.id)).to_dict() == before.to_dict()
    assert (await take(before.id, options={"idempotency_key": new_id()})).status != before.status


async def test_a_fault_strikes_as_often_as_ordered(web: AsyncClient, create: Create) -> None:
    await break_down(web, "confirm", "error")
    await break_down(web, "create", "error", times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await create()
    await create()
    assert [left["operation"] for left in (await web.get("/_sandbox/faults")).json()] == ["confirm"]


async def test_faults_can_be_listed_and_cleared(web: AsyncClient, create: Create) -> None:
    await break_down(web, "create", "error", times=3)
    left = {"operation": "create", "kind": "error", "seconds": 2.0, "times": 3}
    assert (await web.get("/_sandbox/faults")).json() == [left]
    assert (await web.delete("/_sandbox/faults")).status_code == 204
    await create()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"operation": "charge"}, "operation"),
        ({"kind": "explode"}, "kind"),
        ({"times": 0}, "times"),
        ({"seconds": -1}, "seconds"),
        ({"time": 3}, "time"),
    ],
)
async def test_a_wrong_fault_is_refused(
    web: AsyncClient, wrong: dict[str, Any], named: str
) -> None:
    fault = {"operation": "create", "kind": "error", **wrong}
    answer = await web.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] == named
    assert (await web.get("/_sandbox/faults")).json() == []
