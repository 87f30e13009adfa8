"""Every replica of every service is restarted while people buy: nobody notices, nothing is lost."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from httpx import AsyncClient, HTTPError
from tests.conftest import Launch
from tests.load import ContinuousLoad

from common.mongo import Database
from common.service import Repository
from devstack.api_client import SandboxClient
from devstack.jetstream import consumer_state
from devstack.running_stack import RunningStack
from devstack.testing import eventually
from expiration.repository import TimerRepository
from orders.repository import OrderRepository
from payments.repository import CheckoutRepository
from tickets.repository import TicketRepository

REPOSITORIES: dict[str, Callable[[Database], Repository]] = {
    "tickets": TicketRepository,
    "orders": OrderRepository,
    "payments": CheckoutRepository,
    "expiration": TimerRepository,
}


@pytest.fixture(scope="module")
def stack(launch: Launch) -> Iterator[RunningStack]:
    """Two replicas of every service, and time enough to pay."""
    replicas = "auth=2,tickets=2,orders=2,payments=2,expiration=2"
    arguments = ("--window", "600", "--replicas", replicas)
    with launch(*arguments) as running:
        yield running


async def restart(stack: RunningStack, service: str, index: int) -> None:
    """Ask one replica to end, and wait until the next is ready in its place."""
    before = stack.now().pids[service][index]
    os.kill(before, signal.SIGTERM)

    async def replaced() -> bool:
        return stack.now().pids[service][index] != before

    async def ready() -> bool:
        return await is_ready(stack.services[service][index])

    await eventually(replaced, f"{service}-{index + 1} is another process")
    await eventually(ready, f"{service}-{index + 1} is back")


async def is_ready(url: str) -> bool:
    """Whether a replica says that it can work."""
    async with AsyncClient() as probe:
        try:
            return (await probe.get(f"{url}/readyz")).is_success
        except HTTPError:
            return False


async def is_caught_up(stack: RunningStack) -> None:
    """Wait until all outboxes are empty and all events are acknowledged."""
    port = urlsplit(stack.nats).port or 0

    async def idle() -> bool:
        backlogs = [consumer_state(port, service) for service in REPOSITORIES]
        speaking = [await has_pending_events(stack, service) for service in REPOSITORIES]
        return all(each and each.is_empty for each in backlogs) and not any(speaking)

    await eventually(idle, "idle")


async def has_pending_events(stack: RunningStack, service: str) -> bool:
    """Whether something waits in an outbox of a service."""
    with closing(Database(stack.mongo[service])) as database:
        outboxes = REPOSITORIES[service](database).outboxes
        waiting = [await each.find_one({"outbox.0": {"$exists": True}}) for each in outboxes]
    return any(waiting)


async def test_rolling_restart_fails_no_request(
    stack: RunningStack, sandbox_client: SandboxClient, browser: Callable[[], AsyncClient]
) -> None:
    traffic = ContinuousLoad(browser, pairs=4, visitors=2)
    async with traffic.running():
        for index in range(2):
            restarting = (restart(stack, each, index) for each in stack.services)
            await asyncio.gather(traffic.wait_for_sales(3), *restarting)
    assert traffic.failures == []
    await is_caught_up(stack)
    await traffic.wait_settled(sandbox_client)
