"""The payments service between a Stripe sandbox and a neighbour who plays the orders service."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.events import OrderCreated
from devstack.order_history import OrderHistory
from devstack.people import Ledger
from devstack.ports import LOOPBACK, free_port
from devstack.sandbox.program import sandbox_process
from devstack.testing import Neighbour, Person, eventually
from payments.main import create_app
from payments.payment import Payment, PaymentStatus
from payments.repository import CheckoutRepository
from payments.setback import Setback, Trouble
from payments.settings import Settings

WEBHOOK_SECRET = "whsec_of_these_tests"


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Stripe sandbox whose webhooks nobody hears."""
    port, deaf = free_port(), f"http://{LOOPBACK}:{free_port()}/"
    log = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    server = sandbox_process(port, deaf, WEBHOOK_SECRET, log)
    try:
        server.start()
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.kill()


@pytest.fixture
async def ledger(sandbox_url: str) -> AsyncIterator[Ledger]:
    """The sandbox's books."""
    async with AsyncClient(base_url=sandbox_url) as client:
        yield Ledger(client)
        await client.delete("/_sandbox/faults")


class Dashboard:
    """What a person can do to the intent of an order by hand, and what time does to it."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def take(self, order_id: str, step: str) -> None:
        """Capture or cancel, without a key, as the buttons of Stripe's dashboard do."""
        await self._post(order_id, "/v1/payment_intents/{}/" + step)

    async def expire(self, order_id: str) -> None:
        """The bank does not wait any longer."""
        await self._post(order_id, "/_sandbox/intents/{}/expire")

    async def _post(self, order_id: str, path: str) -> None:
        [intent] = await Ledger(self._client).of(order_id)
        secret = {"Authorization": "Bearer sk_test_by_hand"}
        answer = await self._client.post(path.format(intent["intent"]), headers=secret)
        assert answer.is_success, answer.text

    async def break_often(self, operation: str, kind: str, times: int = 1000) -> None:
        """Let many calls of one operation go wrong, until `repair`."""
        fault = {"operation": operation, "kind": kind, "times": times}
        await self._client.post("/_sandbox/faults", json=fault)

    async def repair(self) -> None:
        """Nothing goes wrong any more."""
        await self._client.delete("/_sandbox/faults")


@pytest.fixture
async def dashboard(sandbox_url: str) -> AsyncIterator[Dashboard]:
    """Somebody with an account at Stripe."""
    async with AsyncClient(base_url=sandbox_url) as client:
        yield Dashboard(client)
        await client.delete("/_sandbox/faults")


@pytest.fixture
def settings(environment: dict[str, str], sandbox_url: str) -> Settings:
    """The payments service, turned to the sandbox."""
    stripe = {
        "stripe_secret_key": "sk_test_sandbox",
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
def buyer(sign_in: Callable[[], Person]) -> Person:
    """Whose order it is."""
    return sign_in()


@pytest.fixture
def order(buyer: Person) -> OrderHistory:
    """What the orders service says of one order of the buyer."""
    return OrderHistory(buyer.id)


@pytest.fixture
async def held_intent(
    client: AsyncClient, neighbour: Neighbour, buyer: Person, order: OrderHistory, ledger: Ledger
) -> str:
    """The order exists and its price is held: the intent's id."""
    await neighbour.say(order.event(OrderCreated, 0))
    body = {"orderId": order.id, "token": "pm_card_visa"}
    assert (await client.post("/api/payments", json=body, headers=buyer.headers)).is_success
    [intent] = await ledger.of(order.id)
    return str(intent["intent"])


class Watch:
    """Waits for what becomes of the payment of an order."""

    def __init__(self, checkouts: CheckoutRepository, order_id: str) -> None:
        self._checkouts, self._order_id = checkouts, order_id

    async def payment(self) -> Payment:
        """As it is stored."""
        payment = (await self._checkouts.get(self._order_id)).payment
        assert payment
        return payment

    async def becomes(self, status: PaymentStatus, *, closed: bool = False) -> None:
        """Wait for a status."""

        async def there() -> bool:
            payment = await self.payment()
            return payment.status is status and payment.closed >= closed

        await eventually(there, f"the payment becomes {status}")

    async def is_set_back(self, trouble: Trouble, times: int) -> Setback:
        """Wait until something has gone wrong so many times."""

        async def there() -> bool:
            setback = (await self.payment()).setback
            return setback is not None and setback.trouble is trouble and setback.times >= times

        await eventually(there, f"{times} x {trouble}")
        setback = (await self.payment()).setback
        assert setback
        return setback


@pytest.fixture
def watch(checkouts: CheckoutRepository, order: OrderHistory) -> Watch:
    """An eye on the payment of the order."""
    return Watch(checkouts, order.id)
