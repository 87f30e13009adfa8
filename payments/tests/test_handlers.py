"""Listener orders."""

import asyncio
from itertools import permutations

import pytest

from common.contracts.events import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
)
from common.contracts.order_status import OrderStatus
from devstack.order_history import OrderHistory
from devstack.testing import BusPeer, eventually
from payments.repository import CheckoutRepository

HISTORY: list[type[OrderEvent]] = [OrderCreated, OrderAwaitingPayment, OrderCompleted]


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
async def test_any_order_of_arrival_ends_the_same(
    checkouts: CheckoutRepository,
    peer: BusPeer,
    order: OrderHistory,
    arrival: tuple[int, ...],
) -> None:
    for copy in ("", ":again"):
        for version in arrival:
            await peer.publish(order.event(HISTORY[version], version), copy)

    async def complete() -> bool:
        checkout = await checkouts.find(order.id)
        return checkout is not None and checkout.order.version == 2

    await eventually(complete)
    checkout = await checkouts.get(order.id)
    assert checkout.order.status is OrderStatus.COMPLETE
    assert checkout.version == 2


async def test_an_old_event_changes_nothing(
    checkouts: CheckoutRepository, peer: BusPeer, order: OrderHistory
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.publish(order.event(OrderCancelled, 1))
    await peer.publish(order.event(OrderCreated, 0), ":again")
    marker = OrderHistory("somebody")
    await peer.publish(marker.event(OrderCreated, 0))

    async def passed() -> bool:
        known = await asyncio.gather(checkouts.find(order.id), checkouts.find(marker.id))
        return all(known) and known[0] is not None and known[0].order.version == 1

    await eventually(passed)
    assert (await checkouts.get(order.id)).order.status is OrderStatus.CANCELLED
