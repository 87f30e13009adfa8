"""NATS and MongoDB stop answering, or crash: what still works, and how everything heals."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from httpx import AsyncClient
from tests.conftest import Launch

from devstack.api_client import ApiClient
from devstack.freezing import frozen
from devstack.running_stack import RunningStack
from devstack.testing import eventually


@pytest.fixture(scope="module")
def stack(launch: Launch) -> Iterator[RunningStack]:
    """A stack of its own, with time to pay even after an outage."""
    arguments = ("--window", "120")
    with launch(*arguments) as running:
        yield running


async def is_ready(stack: RunningStack, service: str) -> int:
    """What a readiness probe sees."""
    async with AsyncClient(base_url=stack.services[service][0]) as probe:
        return (await probe.get("/readyz")).status_code


async def test_requests_succeed_while_nats_hangs(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient, browser: Callable[[], AsyncClient]
) -> None:
    tickets = [await seller.list_ticket() for _ in range(3)]
    orders = [await buyer.order(tickets[0])]
    for ticket_id in tickets[1:]:  # then orders has heard of it
        await buyer.cancel(await buyer.order(ticket_id))
    with frozen(*stack.now().pids["nats"]):
        newcomer = await ApiClient(browser()).sign_up()
        orders += [await buyer.order(ticket_id) for ticket_id in tickets[1:]]
        unheard = await newcomer.list_ticket()
        assert (await buyer.cancel(orders[1])).status_code == 204
        assert await is_ready(stack, "orders") == 200
    await buyer.wait_order_status(orders[2], "awaiting:payment")
    await buyer.wait_order_status(orders[1], "cancelled")
    await seller.wait_ticket_held(tickets[2], orders[2])
    await seller.wait_ticket_free(tickets[1])
    await buyer.order(tickets[1])
    await buyer.order(unheard)


async def test_a_sale_survives_a_crash_of_nats(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient
) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    await buyer.wait_order_status(order_id, "awaiting:payment")
    os.kill(stack.now().pids["nats"][0], signal.SIGKILL)
    assert (await buyer.pay(order_id)).status_code == 201
    await buyer.wait_order_status(order_id, "complete")
    await buyer.wait_payment_status(order_id, "captured")


async def test_a_silent_database_is_told_and_heals(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient
) -> None:
    ticket_id = await seller.list_ticket()
    await buyer.order(ticket_id)
    with frozen(*stack.now().pids["mongod"]):
        answer = await buyer.post_order(ticket_id)
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["message"]
        assert answer.headers["retry-after"]
        for service in stack.services:
            assert await is_ready(stack, service) == 503

    async def refused() -> bool:
        return (await buyer.post_order(ticket_id)).status_code == 409

    async def all_ready() -> bool:
        return {await is_ready(stack, service) for service in stack.services} == {200}

    await eventually(refused)
    await eventually(all_ready)
    await buyer.order(await seller.list_ticket())


async def test_everything_heals_after_a_crash_of_the_database(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient
) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    services = {name: stack.pids[name] for name in stack.services}
    os.kill(stack.now().pids["mongod"][0], signal.SIGKILL)

    async def paid() -> bool:
        answer = await buyer.pay(order_id)
        assert answer.status_code in {200, 201, 202, 503}, answer.text
        return answer.status_code in {200, 201}

    await eventually(paid)
    await buyer.wait_order_status(order_id, "complete")
    await buyer.wait_payment_status(order_id, "captured")
    assert {name: stack.now().pids[name] for name in services} == services
