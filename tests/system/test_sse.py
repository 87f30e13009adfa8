"""Other people's screens: event streams through the gateway, with two replicas of each service."""

import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial

from httpx import AsyncClient, HTTPError

from devstack.api_client import ApiClient
from devstack.event_source import EventSource, open_event_source
from devstack.running_stack import RunningStack, System
from devstack.testing import eventually

TICKETS = "/api/tickets/events"


def statuses_of(source: EventSource, ticket_id: str) -> list[str]:
    """The statuses that were sent of one ticket."""
    return [event.data["status"] for event in source.events if event.data.get("id") == ticket_id]


async def wait_for_statuses(source: EventSource, ticket_id: str, *statuses: str) -> None:
    """Wait until exactly these statuses of a ticket were sent."""

    async def so() -> bool:
        return statuses_of(source, ticket_id) == list(statuses)

    await eventually(so, f"{statuses}, was statuses_of {statuses_of(source, ticket_id)}")


async def offered(seller: ApiClient) -> str:
    """Sell a ticket, however often that takes: who was just killed may have had the request."""
    while True:
        with suppress(AssertionError):
            return await seller.list_ticket()


async def is_replaced(stack: RunningStack, pid: int) -> bool:
    """Whether the launcher has started the process again, and it answers."""
    if pid in stack.now().pids["tickets"]:
        return False
    with suppress(HTTPError):
        async with AsyncClient() as client:
            urls = [f"{url}/readyz" for url in stack.now().services["tickets"]]
            return all([(await client.get(url)).is_success for url in urls])
    return False


async def test_sse_shows_whole_sale_to_all_and_buyer(
    launched: RunningStack, seller: ApiClient, buyer: ApiClient, browser: Callable[[], AsyncClient]
) -> None:
    async with AsyncExitStack() as opened:
        screens = [
            await opened.enter_async_context(open_event_source(AsyncClient(base_url=url), TICKETS))
            for url in (*launched.services["tickets"], launched.gateway)
        ]
        ticket = await seller.list_ticket()
        order = await buyer.order(ticket)
        mine = await opened.enter_async_context(
            open_event_source(buyer.client, f"/api/orders/{order}/events")
        )
        await buyer.pay(order)
        await mine.wait_closed()
        for screen in screens:
            await wait_for_statuses(screen, ticket, "free", "held", "sold")
    assert mine.events[-1].data["status"] == "complete"
    assert mine.events[-1].data == (await buyer.client.get(f"/api/orders/{order}")).json()
    stranger = await ApiClient(browser()).sign_up()
    refused = await stranger.client.get(f"/api/orders/{order}/events")
    assert refused.status_code == 403


async def test_a_compressing_client_hears_each_event_at_once(
    stack: System, seller: ApiClient
) -> None:
    async with (
        AsyncClient(base_url=stack.gateway) as client,
        open_event_source(client, TICKETS) as source,
    ):
        for _ in range(3):
            ticket = await seller.list_ticket()
            await wait_for_statuses(source, ticket, "free")


async def test_sse_survives_killed_replica_without_gap_or_duplicate(
    launched: RunningStack, seller: ApiClient
) -> None:
    async with (
        AsyncClient(base_url=launched.gateway) as client,
        open_event_source(client, TICKETS, reconnect=True) as source,
    ):
        first = await seller.list_ticket()
        await wait_for_statuses(source, first, "free")
        tickets = [first]
        for pid in launched.now().pids["tickets"]:
            os.kill(pid, signal.SIGKILL)
            tickets += [await offered(seller) for _ in range(3)]
            await wait_for_statuses(source, tickets[-1], "free")
            await eventually(partial(is_replaced, launched, pid), "it runs again")
        for ticket in tickets:
            await wait_for_statuses(source, ticket, "free")
    assert source.opened >= 2
    assert {event.type for event in source.events} == {"ticket"}
