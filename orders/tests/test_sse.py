"""Watching an order over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.ids import new_id
from common.contracts.money import Price
from devstack.event_source import EventSource, open_event_source
from devstack.servers import NatsServer
from devstack.testing import Session, SignIn, eventually, serving
from orders.domain import Order, Ticket
from orders.main import create_app
from orders.repository import OrderRepository
from orders.settings import Settings


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A browser before the service: a real server, for an answer that does not end."""
    async with serving(app) as url, AsyncClient(base_url=url, timeout=15) as client:
        await ready(client)
        yield client


async def ready(client: AsyncClient) -> None:
    """Wait until the service follows its own events."""

    async def there() -> bool:
        return (await client.get("/readyz")).status_code == 200

    await eventually(there)


@pytest.fixture
async def order(orders: OrderRepository, buyer: Session) -> Order:
    """An order that was just placed."""
    ticket = Ticket(new_id(), 0, "Concert", Price(1999))
    order = Order.place(ticket, buyer.id, timedelta(minutes=15))
    await orders.add(order)
    return order


def events(order: Order) -> str:
    """Where it is told."""
    return f"/api/orders/{order.id}/events"


def statuses(source: EventSource) -> list[str]:
    """What was told of the order."""
    return [event.data["status"] for event in source.events]


async def test_sse_sends_order_until_it_is_complete(
    client: AsyncClient, orders: OrderRepository, order: Order, buyer: Session
) -> None:
    async with open_event_source(client, events(order), headers=buyer.headers) as source:
        shown = []
        for version, step in enumerate((None, Order.confirm, Order.complete)):
            if step:
                await orders.update(order.id, step)
            await source.wait_for(version + 1)
            answer = await client.get(f"/api/orders/{order.id}", headers=buyer.headers)
            shown.append(answer.json())
        await source.wait_closed()
    assert [event.data for event in source.events] == shown
    assert statuses(source) == ["created", "awaiting:payment", "complete"]
    assert [(event.type, event.id) for event in source.events] == [("order", n) for n in "012"]


async def test_an_order_that_has_ended_is_told_once(
    client: AsyncClient, orders: OrderRepository, order: Order, buyer: Session
) -> None:
    await orders.update(order.id, lambda o: o.cancel_by(buyer.id))
    answer = await client.get(events(order), headers=buyer.headers)
    assert answer.text.count("event: order") == 1
    assert '"reason":"buyer"' in answer.text


async def test_reconnected_stream_starts_with_present_state(
    client: AsyncClient, orders: OrderRepository, order: Order, buyer: Session
) -> None:
    async with open_event_source(client, events(order), headers=buyer.headers) as source:
        await source.wait_for(1)
    await orders.update(order.id, Order.confirm)
    again = open_event_source(client, events(order), headers=buyer.headers, last_event_id="0")
    async with again as resumed:
        await resumed.wait_for(1)
    assert statuses(resumed) == ["awaiting:payment"]


async def test_a_stream_is_its_buyers_business_alone(
    client: AsyncClient, order: Order, buyer: Session, sign_in: SignIn
) -> None:
    for path, headers, status in (
        (events(order), {}, 401),
        (events(order), sign_in().headers, 403),
        (f"/api/orders/{new_id()}/events", buyer.headers, 404),
    ):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.json()["errors"]


async def test_sse_delivers_changes_of_other_replicas(
    client: AsyncClient, environment: dict[str, str], order: Order, buyer: Session
) -> None:
    other_app = create_app(Settings.model_validate(environment))
    async with (
        serving(other_app) as url,
        AsyncClient(base_url=url) as other,
        open_event_source(client, events(order), headers=buyer.headers) as here,
    ):
        await ready(other)
        async with open_event_source(other, events(order), headers=buyer.headers) as there:
            await there.wait_for(1)
            await other.delete(f"/api/orders/{order.id}", headers=buyer.headers)
            await here.wait_for(2)
            await there.wait_for(2)
    assert here.events == there.events
    assert statuses(here) == ["created", "cancelled"]


async def test_bus_outage_delays_sse_without_loss(
    client: AsyncClient, order: Order, buyer: Session, nats_server: NatsServer
) -> None:
    async with open_event_source(client, events(order), headers=buyer.headers) as source:
        await source.wait_for(1)
        nats_server.kill()
        await client.delete(f"/api/orders/{order.id}", headers=buyer.headers)
        assert source.is_open
        nats_server.ensure_running()
        await source.wait_for(2)
    assert statuses(source) == ["created", "cancelled"]
