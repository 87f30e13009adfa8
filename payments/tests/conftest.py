"""The payments service between a Stripe sandbox and a peer who plays the orders service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.events import OrderCreated
from devstack.api_client import SandboxClient
from devstack.order_history import OrderHistory
from devstack.ports import LOOPBACK, free_port
from devstack.quick import Processes
from devstack.sandbox.dashboard import StripeDashboard
from devstack.sandbox.program import sandbox_process
from devstack.testing import BusPeer, Session, eventually
from payments.main import create_app
from payments.payment import Payment, PaymentStatus
from payments.repository import CheckoutRepository
from payments.retry import FailureKind, RetryState
from payments.settings import Settings

WEBHOOK_SECRET = "whsec_of_these_tests"

WaitForStatus = Callable[..., Awaitable[Payment]]
WaitForFailure = Callable[[FailureKind, int], Awaitable[RetryState]]


@pytest.fixture(scope="session")
def sandbox_url(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Stripe sandbox whose webhooks nobody hears."""
    port, deaf = free_port(), f"http://{LOOPBACK}:{free_port()}/"
    log = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    with processes.running(sandbox_process(port, deaf, WEBHOOK_SECRET, log)):
        yield f"http://{LOOPBACK}:{port}"


@pytest.fixture
async def sandbox_client(sandbox_url: str) -> AsyncIterator[SandboxClient]:
    """The sandbox's books."""
    async with AsyncClient(base_url=sandbox_url) as client:
        yield SandboxClient(client)
        await client.delete("/_sandbox/faults")


@pytest.fixture
async def dashboard(sandbox_url: str) -> AsyncIterator[StripeDashboard]:
    """Somebody with an account at Stripe."""
    async with AsyncClient(base_url=sandbox_url) as client:
        by_hand = StripeDashboard(client)
        yield by_hand
        await by_hand.clear_faults()


@pytest.fixture
def settings(environment: dict[str, str], sandbox_url: str) -> Settings:
    """The payments service, turned to the sandbox."""
    stripe = {
        "stripe_secret_key": "sk_test_sandbox",
        "stripe_publishable_key": "pk_test_sandbox",
        "stripe_webhook_secret": WEBHOOK_SECRET,
        "stripe_api_base": sandbox_url,
    }
    return Settings.model_validate({**environment, **stripe})


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The payments service."""
    return create_app(settings)


@pytest.fixture
def checkouts(app: FastAPI, client: AsyncClient) -> CheckoutRepository:  # noqa: ARG001 - it must run
    """What the running service has stored."""
    repository: CheckoutRepository = app.state.repository
    return repository


@pytest.fixture
def buyer(sign_in: Callable[[], Session]) -> Session:
    """Whose order it is."""
    return sign_in()


@pytest.fixture
def order(buyer: Session) -> OrderHistory:
    """What the orders service says of one order of the buyer."""
    return OrderHistory(buyer.id)


@pytest.fixture
async def held_intent(
    client: AsyncClient,
    peer: BusPeer,
    buyer: Session,
    order: OrderHistory,
    sandbox_client: SandboxClient,
) -> str:
    """The order exists and its price is held: the intent's id."""
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("payments")
    body = {"orderId": order.id, "token": "pm_card_visa"}
    assert (await client.post("/api/payments", json=body, headers=buyer.headers)).is_success
    [intent] = await sandbox_client.intents_of(order.id)
    return str(intent["intent"])


@pytest.fixture
def wait_for_status(
    checkouts: CheckoutRepository, order: OrderHistory
) -> Callable[..., Awaitable[Payment]]:
    """Waits for a status of the order's payment; the payment then."""

    async def wait(status: PaymentStatus, *, closed: bool = False) -> Payment:
        async def there() -> bool:
            payment = (await checkouts.get(order.id)).payment
            return payment is not None and payment.status is status and payment.closed >= closed

        await eventually(there, f"the payment becomes {status}")
        payment = (await checkouts.get(order.id)).payment
        assert payment
        return payment

    return wait


@pytest.fixture
def wait_for_failure(checkouts: CheckoutRepository, order: OrderHistory) -> WaitForFailure:
    """Waits until so much has gone wrong in a row with the order's payment."""

    async def wait(trouble: FailureKind, times: int) -> RetryState:
        found: list[RetryState] = []

        async def there() -> bool:
            payment = (await checkouts.get(order.id)).payment
            if payment and payment.retry:
                found.append(payment.retry)
            return bool(found) and found[-1].kind is trouble and found[-1].times >= times

        await eventually(there, f"{times} x {trouble}")
        return found[-1]

    return wait
