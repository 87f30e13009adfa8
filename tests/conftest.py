"""The whole system, started once by the launcher, and people who use it through the gateway."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from httpx import AsyncClient

from devstack import headless
from devstack.headless import Stack
from devstack.people import Ledger, Person

WINDOW_SECONDS = 6


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two replicas of each service that hears events, and a short window to pay."""
    replicas = "tickets=2,orders=2,payments=2,expiration=2"
    arguments = ("--window", str(WINDOW_SECONDS), "--replicas", replicas)
    with headless.stack(tmp_path_factory.mktemp("stack"), *arguments) as running:
        yield running


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[Callable[[], AsyncClient]]:
    """Opens browsers, each with cookies of its own."""
    async with AsyncExitStack() as open_browsers:

        def make() -> AsyncClient:
            client = AsyncClient(base_url=stack.gateway, timeout=15)
            open_browsers.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def seller(browser: Callable[[], AsyncClient]) -> Person:
    """Somebody who sells."""
    return await Person(browser()).sign_up()


@pytest.fixture
async def buyer(browser: Callable[[], AsyncClient]) -> Person:
    """Somebody who buys."""
    return await Person(browser()).sign_up()


@pytest.fixture
async def ledger(stack: Stack) -> AsyncIterator[Ledger]:
    """The sandbox's books."""
    async with AsyncClient(base_url=stack.sandbox) as client:
        yield Ledger(client)
        await client.delete("/_sandbox/faults")
