"""Captures and releases that Stripe refuses, and holds that are gone or were taken by hand."""

import logging
from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient

from common.contracts.events import OrderCancelled, OrderCompleted, OrderCreated, PaymentFailed
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.sandbox.dashboard import StripeDashboard
from devstack.testing import BusPeer, Session, eventually
from payments.payment import Payment, PaymentStatus
from payments.retry import FailureKind, RetryState

WaitForStatus = Callable[..., Awaitable[Payment]]
WaitForFailure = Callable[[FailureKind, int], Awaitable[RetryState]]

pytestmark = pytest.mark.usefixtures("held_intent")


async def seen_by(client: AsyncClient, buyer: Session, order: OrderHistory) -> tuple[object, int]:
    """What the buyer sees: the status, and what he gets for paying once more."""
    shown = await client.get(f"/api/payments/{order.id}", headers=buyer.headers)
    body = {"orderId": order.id, "token": "pm_card_visa"}
    again = await client.post("/api/payments", json=body, headers=buyer.headers)
    return shown.json()["status"], again.status_code


async def wait_logged(caplog: pytest.LogCaptureFixture, message: str) -> None:
    """Wait until this is logged as an error: a moment after it is stored."""

    async def so() -> bool:
        return any(
            record.levelno == logging.ERROR and record.getMessage() == message
            for record in caplog.records
        )

    await eventually(so, message)


async def test_a_refused_capture_is_kept_and_tried_again(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dashboard: StripeDashboard,
    wait_for_status: WaitForStatus,
    wait_for_failure: WaitForFailure,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await dashboard.inject_fault("capture", "refuse")
    await peer.publish(order.event(OrderCompleted, 1))
    setback = await wait_for_failure(FailureKind.REJECTED, 2)
    assert setback.reason == "capture: card_declined"
    await wait_logged(caplog, "payment operation failed, will be retried")
    assert await seen_by(client, buyer, order) == ("authorized", 200)
    await dashboard.clear_faults()
    assert (await wait_for_status(PaymentStatus.CAPTURED, closed=True)).retry is None
    assert [books["captured"] for books in await sandbox_client.intents_of(order.id)] == [1999]


async def test_a_refused_release_is_kept_and_tried_again(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dashboard: StripeDashboard,
    wait_for_status: WaitForStatus,
    wait_for_failure: WaitForFailure,
) -> None:
    await dashboard.inject_fault("cancel", "refuse")
    await peer.publish(order.event(OrderCancelled, 1))
    setback = await wait_for_failure(FailureKind.REJECTED, 2)
    assert setback.reason == "cancel: payment_intent_unexpected_state"
    await dashboard.clear_faults()
    await wait_for_status(PaymentStatus.VOIDED, closed=True)
    assert [books["status"] for books in await sandbox_client.intents_of(order.id)] == ["canceled"]


async def test_authorization_expired_before_capture_is_uncollected(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    dashboard: StripeDashboard,
    wait_for_status: WaitForStatus,
    wait_for_failure: WaitForFailure,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await dashboard.inject_fault("capture", "refuse")
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_failure(FailureKind.REJECTED, 1)
    await dashboard.expire(order.id)
    await wait_for_status(PaymentStatus.UNCOLLECTED, closed=True)
    await wait_logged(caplog, "authorization expired before it was captured")
    assert await seen_by(client, buyer, order) == ("authorized", 200)


async def test_authorization_missing_at_completion_is_uncollected(
    peer: BusPeer, order: OrderHistory, dashboard: StripeDashboard, wait_for_status: WaitForStatus
) -> None:
    await dashboard.perform(order.id, "cancel")
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_status(PaymentStatus.UNCOLLECTED, closed=True)
    assert peer.received_of(PaymentFailed) == []


@pytest.mark.parametrize("lost", ["", "refund"])
async def test_manual_capture_of_cancelled_order_is_refunded_once(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dashboard: StripeDashboard,
    wait_for_status: WaitForStatus,
    caplog: pytest.LogCaptureFixture,
    lost: str,
) -> None:
    await dashboard.perform(order.id, "capture")
    if lost:
        await dashboard.inject_fault(lost, "drop_answer", 2)
    await peer.publish(order.event(OrderCancelled, 1))
    await wait_for_status(PaymentStatus.REFUNDED, closed=True)
    [books] = await sandbox_client.intents_of(order.id)
    assert (books["captured"], books["refunded"]) == (1999, 1999)
    await wait_logged(caplog, "captured for a cancelled order, and refunded")
    assert await seen_by(client, buyer, order) == ("refunded", 409)


async def test_manual_capture_of_complete_order_stays(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dashboard: StripeDashboard,
    wait_for_status: WaitForStatus,
) -> None:
    await dashboard.perform(order.id, "capture")
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_status(PaymentStatus.CAPTURED, closed=True)
    [books] = await sandbox_client.intents_of(order.id)
    assert (books["captured"], books["refunded"]) == (1999, 0)


async def test_a_late_duplicate_of_the_end_changes_nothing(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    wait_for_status: WaitForStatus,
) -> None:
    await peer.publish(order.event(OrderCompleted, 1))
    captured = await wait_for_status(PaymentStatus.CAPTURED, closed=True)
    for kind, version in ((OrderCompleted, 1), (OrderCreated, 0)):
        await peer.publish(order.event(kind, version), ":again")
    await peer.wait_acked_by("payments")
    assert await wait_for_status(PaymentStatus.CAPTURED) == captured
    assert [books["captured"] for books in await sandbox_client.intents_of(order.id)] == [1999]
