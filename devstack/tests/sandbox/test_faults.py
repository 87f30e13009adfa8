"""Failures on demand."""

import time
from typing import Any

import pytest
import stripe
from httpx import AsyncClient
from stripe import StripeClient

PARAMS: Any = {"amount": 1999, "currency": "usd", "payment_method": "pm_card_visa"}


async def break_once(web: AsyncClient, **fault: Any) -> None:
    """Order a fault."""
    answer = await web.post("/_sandbox/faults", json={"operation": "create", **fault})
    assert answer.status_code == 201


async def intents(web: AsyncClient) -> int:
    """How many there are."""
    return len((await web.get("/_sandbox/ledger")).json())


async def test_a_dropped_answer_was_executed(api: StripeClient, web: AsyncClient) -> None:
    await break_once(web, kind="drop_answer")
    with pytest.raises(stripe.APIConnectionError):
        await api.v1.payment_intents.create_async(PARAMS)
    assert await intents(web) == 1


async def test_a_conflict_was_not_executed(api: StripeClient, web: AsyncClient) -> None:
    await break_once(web, kind="conflict")
    with pytest.raises(stripe.APIError):
        await api.v1.payment_intents.create_async(PARAMS)
    assert await intents(web) == 0
    await api.v1.payment_intents.create_async(PARAMS)


async def test_a_delay_only_takes_time(api: StripeClient, web: AsyncClient) -> None:
    await break_once(web, kind="delay", seconds=0.3)
    started = time.monotonic()
    await api.v1.payment_intents.create_async(PARAMS)
    assert time.monotonic() - started >= 0.3


async def test_faults_can_be_listed_and_cleared(api: StripeClient, web: AsyncClient) -> None:
    await break_once(web, kind="error", times=3)
    [fault] = (await web.get("/_sandbox/faults")).json()
    assert fault["times"] == 3
    assert (await web.delete("/_sandbox/faults")).status_code == 204
    await api.v1.payment_intents.create_async(PARAMS)


async def test_a_wrong_fault_is_refused(web: AsyncClient) -> None:
    answer = await web.post("/_sandbox/faults", json={"operation": "x", "kind": "y"})
    assert answer.status_code == 422
