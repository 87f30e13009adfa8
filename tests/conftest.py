"""The whole system, started by the launcher or given, and people who use it through the gateway."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack

import pytest
from httpx import AsyncClient

from devstack.api_client import ApiClient, SandboxClient
from devstack.quick import Processes
from devstack.running_stack import RunningStack, System, launch_stack

WINDOW_SECONDS = 12
REPLICAS = "tickets=2,orders=2,payments=2,expiration=2"

OF_OUR_OWN = {"launch", "launched"}
"""The fixtures that only a stack of one's own can give."""

Launch = Callable[..., AbstractContextManager[RunningStack]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """A system that is there already, in containers for example, can be tested, too."""
    group = parser.getgroup("ticketing", "a running system to test, instead of one of our own")
    group.addoption("--gateway", metavar="URL", help="the address of its gateway")
    group.addoption("--sandbox", metavar="URL", help="the address of its Stripe sandbox")
    group.addoption("--engine", action="store_true", help="run containers, too: make containers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before a given system, only those tests run that need no more than its addresses."""
    alone = pytest.mark.skip(reason="they have servers of their own: run them without --gateway")
    for item in items if config.option.gateway else []:
        names = getattr(item, "fixturenames", [])
        if "stack" not in names or OF_OUR_OWN.intersection(names):
            item.add_marker(alone)
    idle = pytest.mark.skip(reason="they run containers: make containers")
    for item in items if not config.option.engine else []:
        if item.get_closest_marker("engine"):
            item.add_marker(idle)


@pytest.fixture(scope="session")
def launch(
    processes: Processes,  # noqa: ARG001 - the launcher is one
    tmp_path_factory: pytest.TempPathFactory,
) -> Launch:
    """Starts a stack of one's own; the arguments are those of `make dev`."""
    return lambda *arguments: launch_stack(tmp_path_factory.mktemp("stack"), *arguments)


@pytest.fixture(scope="session")
def stack(
    request: pytest.FixtureRequest,
    processes: Processes,  # noqa: ARG001 - also those that somebody else has started
) -> Iterator[System]:
    """The given system, or two replicas of each service that hears events and a short window."""
    chosen = request.config.option
    if chosen.gateway:
        yield System(gateway=chosen.gateway, sandbox=chosen.sandbox)
        return
    launch: Launch = request.getfixturevalue("launch")
    with launch("--window", str(WINDOW_SECONDS), "--replicas", REPLICAS) as running:
        yield running


@pytest.fixture(scope="session")
def launched(stack: RunningStack) -> RunningStack:
    """The stack with its files, its processes and the doors of its services."""
    return stack


@pytest.fixture
async def browser(stack: System) -> AsyncIterator[Callable[[], AsyncClient]]:
    """Opens browsers, each with cookies of its own."""
    async with AsyncExitStack() as open_browsers:

        def make() -> AsyncClient:
            client = AsyncClient(base_url=stack.gateway, timeout=15)
            open_browsers.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def seller(browser: Callable[[], AsyncClient]) -> ApiClient:
    """Somebody who sells."""
    return await ApiClient(browser()).sign_up()


@pytest.fixture
async def buyer(browser: Callable[[], AsyncClient]) -> ApiClient:
    """Somebody who buys."""
    return await ApiClient(browser()).sign_up()


@pytest.fixture
async def sandbox_client(stack: System) -> AsyncIterator[SandboxClient]:
    """The sandbox's books."""
    async with AsyncClient(base_url=stack.sandbox) as client:
        yield SandboxClient(client)
        await client.delete("/_sandbox/faults")
