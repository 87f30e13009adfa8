"""The buyer's bank asks the buyer: from the question to the money, or to its release."""

from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient, Response

from common.contracts.events import OrderCancelled, OrderCreated, PaymentCreated, PaymentFailed
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.sandbox.dashboard import StripeDashboard
from devstack.testing import BusPeer, Session
from payments.payment import Payment, PaymentStatus
from payments.retry import FailureKind, RetryState

WaitForStatus = Callable[..., Awaitable[Payment]]
WaitForFailure = Callable[[FailureKind, int], Awaitable[RetryState]]
Pay = Callable[[], Awaitable[Response]]
Show = Callable[[], Awaitable[dict[str, object]]]


@pytest.fixture
def pay(client: AsyncClient, buyer: Session, order: OrderHistory) -> Pay:
    """Press Pay, with a card whose bank asks."""
    body = {"orderId": order.id, "token": "pm_card_threeDSecure2Required"}
    return lambda: client.post("/api/payments", json=body, headers=buyer.headers)


@pytest.fixture
def show(client: AsyncClient, buyer: Session, order: OrderHistory) -> Show:
    """Look at the payment."""

    async def shown() -> dict[str, object]:
        found: dict[str, object] = (
            await client.get(f"/api/payments/{order.id}", headers=buyer.headers)
        ).json()
        return found

    return shown


@pytest.fixture
async def asked(peer: BusPeer, order: OrderHistory, pay: Pay) -> dict[str, object]:
    """The bank's question, as the buyer's browser gets it."""
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    answer = await pay()
    assert answer.status_code == 202
    question: dict[str, object] = answer.json()
    assert question["status"] == "requires_action"
    assert question["clientSecret"]
    return question


async def test_completed_3ds_authorizes_despite_lost_webhook(
    asked: dict[str, object],
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    show: Show,
    wait_for_status: WaitForStatus,
) -> None:
    assert await show() == asked
    await sandbox_client.authenticate(order.id, success=True)
    await wait_for_status(PaymentStatus.AUTHORIZED)
    assert len(await peer.wait_for(PaymentCreated)) == 1
    shown = await show()
    assert shown["status"] == "authorized"
    assert "clientSecret" not in shown


@pytest.mark.usefixtures("asked")
async def test_a_buyer_who_fails_is_declined(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    pay: Pay,
    wait_for_status: WaitForStatus,
) -> None:
    await sandbox_client.authenticate(order.id, success=False)
    assert (await pay()).status_code == 402
    await wait_for_status(PaymentStatus.DECLINED, closed=True)
    [failed] = await peer.wait_for(PaymentFailed)
    assert isinstance(failed, PaymentFailed)
    assert failed.reason == "payment_intent_authentication_failure"
    assert [books["status"] for books in await sandbox_client.intents_of(order.id)] == ["canceled"]
    assert (await pay()).status_code == 409


@pytest.mark.usefixtures("asked")
async def test_unanswered_3ds_ends_with_the_order(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    pay: Pay,
    wait_for_status: WaitForStatus,
) -> None:
    await peer.publish(order.event(OrderCancelled, 1))
    await wait_for_status(PaymentStatus.VOIDED, closed=True)
    assert [books["status"] for books in await sandbox_client.intents_of(order.id)] == ["canceled"]
    assert peer.received_of(PaymentFailed) == []
    assert (await pay()).status_code == 409


async def test_paying_again_repeats_the_question(
    asked: dict[str, object], order: OrderHistory, sandbox_client: SandboxClient, pay: Pay
) -> None:
    for _ in range(3):
        again = await pay()
        assert (again.status_code, again.json()) == (202, asked)
    assert len(await sandbox_client.intents_of(order.id)) == 1


@pytest.mark.usefixtures("asked")
async def test_paying_again_after_the_answer_is_paid(
    order: OrderHistory, sandbox_client: SandboxClient, pay: Pay
) -> None:
    await sandbox_client.authenticate(order.id, success=True)
    paid = await pay()
    assert (paid.status_code, paid.json()["status"]) == (200, "authorized")


@pytest.mark.usefixtures("asked")
async def test_3ds_completed_after_order_end_is_released(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dashboard: StripeDashboard,
    wait_for_status: WaitForStatus,
    wait_for_failure: WaitForFailure,
) -> None:
    await dashboard.inject_fault("cancel", "conflict")
    await peer.publish(order.event(OrderCancelled, 1))
    await wait_for_failure(FailureKind.NO_ANSWER, 1)
    await sandbox_client.authenticate(order.id, success=True)
    await dashboard.clear_faults()
    await wait_for_status(PaymentStatus.VOIDED, closed=True)
    [books] = await sandbox_client.intents_of(order.id)
    assert (books["status"], books["captured"]) == ("canceled", 0)
    assert peer.received_of(PaymentCreated) == []
