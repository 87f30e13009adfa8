"""The sandbox as its users meet it: over HTTP, through Stripe's own SDK, heard by somebody."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import stripe
from httpx import AsyncClient

from common.contracts.ids import new_id
from devstack.plan import http_url
from devstack.ports import free_port
from devstack.quick import Processes
from devstack.sandbox.program import sandbox_process

SECRET = "whsec_of_these_tests"
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading them takes longer than a test

Sdk = Callable[[str], AbstractAsyncContextManager[stripe.StripeClient]]
Create = Callable[..., Awaitable[stripe.PaymentIntent]]
Books = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def sandbox_url(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox that all these tests share, and whose webhooks nobody hears."""
    port, log = free_port(), tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    with processes.running(sandbox_process(port, f"{http_url(free_port())}/", SECRET, log)):
        yield http_url(port)


@pytest.fixture
async def web(sandbox_url: str) -> AsyncIterator[AsyncClient]:
    """What only a sandbox has: books, faults, a bank."""
    async with AsyncClient(base_url=sandbox_url, verify=NO_AUTHORITIES) as client:
        yield client
        await client.delete("/_sandbox/faults")


@pytest.fixture
def sdk() -> Sdk:
    """Turns Stripe's own SDK to a sandbox."""

    @asynccontextmanager
    async def turned(url: str) -> AsyncIterator[stripe.StripeClient]:
        http = stripe.HTTPXClient(timeout=5, allow_sync_methods=False, verify_ssl_certs=False)
        yield stripe.StripeClient(
            "sk_test_x", base_addresses={"api": url}, http_client=http, max_network_retries=0
        )
        await http.close_async()  # type: ignore[no-untyped-call]  # the SDK forgot

    return turned


@pytest.fixture
async def api(sandbox_url: str, sdk: Sdk) -> AsyncIterator[stripe.StripeClient]:
    """The SDK before the sandbox of these tests."""
    async with sdk(sandbox_url) as client:
        yield client


@pytest.fixture
def order_id() -> str:
    """What the intents of one test are for."""
    return new_id()


@pytest.fixture
def create(api: stripe.StripeClient, order_id: str) -> Create:
    """Makes intents to hold 19.99 on a card; parameters may be added or, with None, left out."""

    async def make(
        card: str | None = "pm_card_visa", key: str | None = None, **more: Any
    ) -> stripe.PaymentIntent:
        params: Any = {"amount": 1999, "currency": "usd", "capture_method": "manual"}
        params |= {"payment_method": card, "metadata": {"orderId": order_id}, **more}
        return await api.v1.payment_intents.create_async(
            params, {"idempotency_key": key or new_id()}
        )

    return make


@pytest.fixture
def books(web: AsyncClient, order_id: str) -> Books:
    """Reads what the sandbox has written down about the intents of this test."""

    async def read() -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = (await web.get("/_sandbox/ledger")).json()
        return [line for line in lines if line["orderId"] == order_id]

    return read
