"""The sandbox as its users meet it: over HTTP, through Stripe's own SDK, heard by somebody."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import stripe
from httpx import AsyncClient

from devstack.ear import Ear
from devstack.sandbox.api import Api
from devstack.sandbox.idempotency import IdempotencyKeys
from devstack.sandbox.ledger import Ledger
from devstack.sandbox.server import create_sandbox
from devstack.sandbox.webhooks import Webhooks
from devstack.testing import serving

SECRET = "whsec_of_these_tests"


@pytest.fixture
def books_file(tmp_path: Path) -> Path:
    """Where the sandbox keeps its books."""
    return tmp_path / "books.json"


@pytest.fixture
def webhook_secret() -> str:
    """What webhooks are signed with."""
    return SECRET


@pytest.fixture
def ear() -> Ear:
    """Somebody who hears webhooks."""
    return Ear()


@pytest.fixture
async def sandbox_url(books_file: Path, ear: Ear) -> AsyncIterator[str]:
    """A running sandbox."""
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(serving(ear.app()))
        webhooks = Webhooks(f"{hook}/hook", SECRET)
        api = Api(Ledger(books_file), webhooks, IdempotencyKeys())
        yield await stack.enter_async_context(serving(create_sandbox(api)))


@pytest.fixture
async def web(sandbox_url: str) -> AsyncIterator[AsyncClient]:
    """What only a sandbox has: books, faults, a bank."""
    async with AsyncClient(base_url=sandbox_url) as client:
        yield client


@pytest.fixture
async def api(sandbox_url: str) -> AsyncIterator[stripe.StripeClient]:
    """Stripe's own SDK, turned to the sandbox."""
    http = stripe.HTTPXClient(timeout=5, allow_sync_methods=False)
    yield stripe.StripeClient(
        "sk_test_x", base_addresses={"api": sandbox_url}, http_client=http, max_network_retries=0
    )
    await http.close_async()  # type: ignore[no-untyped-call]  # the SDK forgot
