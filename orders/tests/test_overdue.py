"""Orders that nobody ends are counted, and said again so that their timers are set again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from httpx import AsyncClient

from common.contracts.events import OrderCreated, OrderEvent
from common.contracts.ids import new_id
from common.contracts.money import Price
from common.contracts.order_status import CancelReason
from common.contracts.subscriptions import SUBSCRIPTIONS
from common.messaging.bus import Bus
from devstack.counter_service import consuming
from devstack.scraping import samples_in
from devstack.testing import BusPeer
from orders.domain import Order, Ticket
from orders.metrics import OVERDUE_AFTER
from orders.reconciler import republish_overdue
from orders.repository import OrderRepository

AGO = -(OVERDUE_AFTER + timedelta(seconds=10))


def placed(window: timedelta) -> Order:
    """An order whose time is over after that."""
    return Order.place(Ticket(new_id(), 0, "Concert", Price(2000)), new_id(), window)


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """The connection of the reconciler."""
    bus = Bus(nats_url, service="orders")
    await bus.connect()
    yield bus
    await bus.close()


@asynccontextmanager
async def timers(url: str) -> AsyncIterator[None]:
    """What stands for the expiration service: it hears everything, and sets no timer."""

    async def forget(_: OrderEvent, _repository: object) -> None:
        """As if it had been lost."""

    handlers = dict.fromkeys(SUBSCRIPTIONS["expiration"], forget)
    async with consuming(url, handlers, service="expiration"):
        yield


async def said_again(peer: BusPeer) -> list[str]:
    """The orders of which the whole state was repeated."""
    await peer.wait_acked_by("peer")
    return [event.id for event in peer.received_of(OrderCreated) if event.snapshot]


async def test_overdue_order_is_counted(client: AsyncClient, orders: OrderRepository) -> None:
    late = placed(AGO)
    for order in (placed(AGO), placed(timedelta(0)), late):
        await orders.add(order)
    await orders.update(late.id, lambda order: order.cancel(CancelReason.EXPIRED))
    samples = samples_in((await client.get("/metrics")).text)
    assert samples["orders_overdue", frozenset()] == 1


async def test_overdue_order_is_republished(
    nats_url: str, orders: OrderRepository, peer: BusPeer, bus: Bus
) -> None:
    overdue = placed(AGO)
    await orders.add(overdue)
    await orders.add(placed(timedelta(0)))
    await peer.wait_for(OrderCreated, 2)
    await republish_overdue(orders, bus)  # nobody has heard of it yet, so nothing was lost
    assert await said_again(peer) == []
    async with timers(nats_url):
        await peer.wait_acked_by("expiration")
        await republish_overdue(orders, bus)
    assert await said_again(peer) == [overdue.id]
