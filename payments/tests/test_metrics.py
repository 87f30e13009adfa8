"""What the payments service counts: each turn of a payment once, and each setback."""

import io
import logging
import re
from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient

from common.contracts.events import OrderCompleted, OrderCreated
from common.logs import TextFormatter
from devstack.order_history import OrderHistory
from devstack.sandbox.dashboard import StripeDashboard
from devstack.scraping import delta, scrape
from devstack.testing import BusPeer, Session, eventually
from payments.payment import Payment, PaymentStatus
from payments.retry import FailureKind, RetryState

WaitForStatus = Callable[..., Awaitable[Payment]]
WaitForFailure = Callable[[FailureKind, int], Awaitable[RetryState]]


async def test_every_turn_of_a_payment_is_counted_once(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    wait_for_status: WaitForStatus,
) -> None:
    before = await scrape(client)
    assert before["payments_total", frozenset({"uncollected"})] >= 0
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    body = {"orderId": order.id, "token": "pm_card_visa"}
    for _ in range(2):
        await client.post("/api/payments", json=body, headers=buyer.headers)
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_status(PaymentStatus.CAPTURED, closed=True)
    await peer.publish(order.event(OrderCompleted, 1), copy="again")
    await peer.wait_acked_by("payments")
    turns = {frozenset({status}): 1 for status in ("pending", "authorized", "captured")}

    async def counted() -> bool:  # a moment after it is stored
        return len(delta(before, await scrape(client), "payments_total")) >= len(turns)

    await eventually(counted)
    assert delta(before, await scrape(client), "payments_total") == turns


@pytest.mark.usefixtures("held_intent")
async def test_reconciler_logs_have_order_and_trace_id(
    peer: BusPeer,
    order: OrderHistory,
    dashboard: StripeDashboard,
    wait_for_failure: WaitForFailure,
) -> None:
    printed = io.StringIO()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(
            handler.formatter, TextFormatter
        ):
            handler.setStream(printed)
    await dashboard.inject_fault("capture", "refuse")
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_failure(FailureKind.REJECTED, 1)

    async def said() -> bool:  # a moment after it is stored
        return "payment operation failed, will be retried" in printed.getvalue()

    await eventually(said)
    for line in printed.getvalue().splitlines():
        if "payment operation failed, will be retried" in line:
            assert re.search(rf"order_id={order.id} trace_id=[0-9a-f]{{32}}", line)


@pytest.mark.usefixtures("held_intent")
async def test_every_setback_is_counted(
    client: AsyncClient,
    peer: BusPeer,
    order: OrderHistory,
    dashboard: StripeDashboard,
    wait_for_failure: WaitForFailure,
) -> None:
    before = await scrape(client)
    await dashboard.inject_fault("capture", "refuse")
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_failure(FailureKind.REJECTED, 2)

    async def counted() -> bool:  # a moment after it is stored
        told = delta(before, await scrape(client), "payment_setbacks_total")
        assert told.keys() <= {frozenset({"refusal"})}
        return told.get(frozenset({"refusal"}), 0) >= 2

    await eventually(counted)
