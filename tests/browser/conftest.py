"""One browser for all tests, and visitors in contexts of their own, before the real system."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect
from tests.browser.visitor import Visitor
from tests.conftest import Launch

from devstack.quick import Processes
from devstack.running_stack import RunningStack

WINDOW_SECONDS = 20
TIMEOUT_MS = 30_000
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=TIMEOUT_MS)

NewVisitor = Callable[..., Awaitable[Visitor]]
"""Opens a fresh browser context; its arguments are Playwright's (`color_scheme="dark"`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share the loop that the browser lives in."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without it these tests are skipped."""
    found = shutil.which("chromium")
    if not found:
        pytest.skip("they use a browser: apt-get install --no-install-recommends chromium")
    return found


@pytest.fixture(scope="session")
def stack(launch: Launch) -> Iterator[RunningStack]:
    """Two replicas of what people look at, and a window that is long enough for a person."""
    replicas = "tickets=2,orders=2"
    with launch("--window", str(WINDOW_SECONDS), "--replicas", replicas) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(
    chromium: str,
    processes: Processes,  # noqa: ARG001 - it is one
) -> AsyncIterator[Browser]:
    """The one browser."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_visitor(browser: Browser, stack: RunningStack) -> AsyncIterator[NewVisitor]:
    """Opens windows; at the end nothing has gone wrong in any of them."""
    visitors: list[Visitor] = []

    async def make(**options: object) -> Visitor:
        context = await browser.new_context(base_url=stack.gateway, locale="en-US", **options)  # type: ignore[arg-type] # Playwright's own options
        context.set_default_timeout(TIMEOUT_MS)
        visitors.append(Visitor(await context.new_page(), stack))
        return visitors[-1]

    yield make
    for visitor in visitors:
        await visitor.page.context.close()
    assert [problem for visitor in visitors for problem in visitor.wrong] == []


@pytest_asyncio.fixture(loop_scope="session")
async def seller(new_visitor: NewVisitor) -> Visitor:
    """Somebody who sells."""
    return await (await new_visitor()).signed_up()


@pytest_asyncio.fixture(loop_scope="session")
async def buyer(new_visitor: NewVisitor) -> Visitor:
    """Somebody who buys."""
    return await (await new_visitor()).signed_up()
