"""The payments service between a Stripe sandbox and a neighbour who plays the orders service."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from devstack.order_history import OrderHistory
from devstack.people import Ledger
from devstack.ports import LOOPBACK, free_port
from devstack.sandbox.program import sandbox_process
from devstack.testing import Person
from payments.main import create_app
from payments.repository import CheckoutRepository
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
