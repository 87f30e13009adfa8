"""Stripe has not made up its mind, or uses a word that nobody knew when this was written."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from fastapi import FastAPI, Request, Response
from httpx import AsyncClient

from common.contracts.events import OrderCompleted, OrderCreated
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.testing import BusPeer, Session, serving
from payments.payment import Payment, PaymentStatus
from payments.retry import FailureKind, RetryState
from payments.settings import Settings

WaitForStatus = Callable[..., Awaitable[Payment]]
WaitForFailure = Callable[[FailureKind, int], Awaitable[RetryState]]


class Dialect:
    """Passes everything on to the sandbox and back, but for one word that stands for another."""

    def __init__(self, sandbox: AsyncClient) -> None:
        self._sandbox = sandbox
        self.words: dict[str, str] = {}

    def app(self) -> FastAPI:
        """Its web server."""
        app = FastAPI()
        app.add_api_route("/{path:path}", self._pass_on, methods=["GET", "POST"])
        return app

    async def _pass_on(self, request: Request) -> Response:
        kept = ("authorization", "content-type", "idempotency-key")
        answer = await self._sandbox.request(
            request.method,
            request.url.path,
            content=await request.body(),
            headers={name: value for name, value in request.headers.items() if name in kept},
        )
        text = answer.text
        for word, other in self.words.items():
            text = text.replace(f'"status":"{word}"', f'"status":"{other}"')
        return Response(text, answer.status_code, media_type="application/json")


@pytest.fixture
async def dialect(sandbox_url: str) -> AsyncIterator[Dialect]:
    """What stands between the service and the sandbox."""
    async with AsyncClient(base_url=sandbox_url) as sandbox:
        yield Dialect(sandbox)


@pytest.fixture
async def settings(settings: Settings, dialect: Dialect) -> AsyncIterator[Settings]:
    """The service, turned to the dialect."""
    async with serving(dialect.app()) as url:
        yield settings.model_copy(update={"stripe_api_base": url})


@pytest.mark.parametrize("word", ["processing", "requires_patience"])
async def test_an_undecided_payment_is_looked_at_again(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    dialect: Dialect,
    wait_for_status: WaitForStatus,
    wait_for_failure: WaitForFailure,
    word: str,
) -> None:
    dialect.words = {"requires_capture": word}
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    body = {"orderId": order.id, "token": "pm_card_visa"}
    answer = await client.post("/api/payments", json=body, headers=buyer.headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    await wait_for_failure(FailureKind.NO_ANSWER, 2)
    dialect.words = {}
    await wait_for_status(PaymentStatus.AUTHORIZED)


@pytest.mark.parametrize("word", ["processing", "requires_patience"])
@pytest.mark.usefixtures("held_intent")
async def test_processing_payment_of_complete_order_is_captured(
    peer: BusPeer,
    order: OrderHistory,
    sandbox_client: SandboxClient,
    dialect: Dialect,
    wait_for_status: WaitForStatus,
    wait_for_failure: WaitForFailure,
    word: str,
) -> None:
    dialect.words = {"requires_capture": word}
    await peer.publish(order.event(OrderCompleted, 1))
    await wait_for_failure(FailureKind.NO_ANSWER, 1)
    assert (await wait_for_status(PaymentStatus.AUTHORIZED)).closed is False
    dialect.words = {}
    await wait_for_status(PaymentStatus.CAPTURED, closed=True)
    assert [books["captured"] for books in await sandbox_client.intents_of(order.id)] == [1999]
