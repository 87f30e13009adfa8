"""A whole system on machines whose clocks are wrong by ten minutes, each in another way."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from httpx import AsyncClient
from tests.conftest import WINDOW_SECONDS, Launch

from devstack.api_client import ApiClient
from devstack.running_stack import RunningStack
from devstack.scraping import scrape

CLOCKS = "auth=600,tickets=-600,orders-1=600,orders-2=-600,expiration=600,payments=-600"


@pytest.fixture(scope="module")
def stack(launch: Launch) -> Iterator[RunningStack]:
    """Two replicas of orders, twenty minutes apart; payments is behind whoever it hears."""
    window = ("--window", str(WINDOW_SECONDS))
    with launch(*window, "--replicas", "orders=2", "--clocks", CLOCKS) as running:
        yield running


async def test_sales_and_expiries_are_in_time(
    stack: RunningStack, seller: ApiClient, buyer: ApiClient
) -> None:
    for _ in range(4):  # both replicas of orders have their share
        ticket_id = await seller.list_ticket()
        order_id = await buyer.order(ticket_id)
        assert (await buyer.pay(order_id)).status_code == 201
        await buyer.wait_order_status(order_id, "complete")
        await buyer.wait_payment_status(order_id, "captured")
    unpaid = [await buyer.order(await seller.list_ticket()) for _ in range(4)]
    for order_id in unpaid:
        await buyer.wait_order_status(order_id, "cancelled")
        order = (await buyer.client.get(f"/api/orders/{order_id}")).json()
        begun, ended = (datetime.fromisoformat(order["history"][step]["at"]) for step in (0, -1))
        assert timedelta(seconds=WINDOW_SECONDS - 1) < ended - begun
    for url, ahead in zip(stack.services["orders"], (600, -600), strict=True):
        async with AsyncClient(base_url=url) as replica:
            samples = await scrape(replica)
        assert samples["clock_ahead_seconds", frozenset()] == pytest.approx(ahead, abs=60)
