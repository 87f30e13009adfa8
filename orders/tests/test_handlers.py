"""Listener tickets, expirations and payments."""

import asyncio
from datetime import timedelta

import pytest
from httpx import AsyncClient

from common.contracts.events import (
    Event,
    ExpirationComplete,
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
    PaymentCreated,
    PaymentFailed,
)
from common.contracts.ids import new_id
from common.contracts.order_status import CancelReason, OrderStatus
from devstack.testing import BusPeer, Session
from devstack.ticket_history import TicketHistory
from orders.domain import Order
from orders.repository import OrderRepository

EXPIRED, PAID, DECLINED = "expired", "paid", "declined"


def trigger(word: str, order: Order) -> Event:
    """What another service says about an order."""
    triggers: dict[str, Event] = {
        EXPIRED: ExpirationComplete(order_id=order.id),
        PAID: PaymentCreated(order_id=order.id, id=new_id(), stripe_id="pi_1"),
        DECLINED: PaymentFailed(order_id=order.id, id=new_id(), reason="insufficient_funds"),
    }
    return triggers[word]


async def versions_of(
    one: TicketHistory, another: TicketHistory, orders: OrderRepository
) -> list[int | None]:
    """How far two tickets are known."""
    known = [await orders.ticket(ticket.id) for ticket in (one, another)]
    return [ticket.version if ticket else None for ticket in known]


@pytest.fixture
async def order(orders: OrderRepository, ticket: TicketHistory, buyer: Session) -> Order:
    """An order of the ticket."""
    known = await orders.ticket(ticket.id)
    assert known
    order = Order.place(known, buyer.id, timedelta(minutes=15))
    await orders.add(order)
    return order


@pytest.mark.parametrize("arrival", [(0, 1, 2, 3, 4, 2), (0, 1, 2, 4, 3), (1, 4, 3, 2, 0, 0)])
async def test_a_ticket_ends_at_its_newest_version(
    client: AsyncClient, peer: BusPeer, buyer: Session, arrival: tuple[int, ...]
) -> None:
    ticket = TicketHistory()
    for position, version in enumerate(arrival):
        await peer.publish(ticket.event(version), f":{position}")
    await peer.wait_acked_by("orders")
    body = {"ticketId": ticket.id}
    order = (await client.post("/api/orders", json=body, headers=buyer.headers)).json()
    assert order["ticket"] == {"id": ticket.id, "title": "Concert 4", "price": 14, "version": 4}


async def test_a_gap_waits_without_blocking_others(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory
) -> None:
    early = TicketHistory()
    await peer.publish(early.event(1))
    await peer.publish(ticket.event(2))
    await peer.wait_redelivered("orders", 2)
    assert await versions_of(early, ticket, orders) == [None, 0]
    for event in (ticket.event(1), early.event(0)):
        await peer.publish(event)
    await peer.wait_acked_by("orders")
    assert await versions_of(early, ticket, orders) == [1, 2]


async def test_a_reserved_ticket_confirms_its_order(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory, order: Order
) -> None:
    await peer.publish(ticket.event(1, order.id))
    assert await peer.wait_for(OrderAwaitingPayment) == [order.confirm().event]
    assert await orders.get(order.id) == order.confirm()


async def test_a_crash_before_the_confirmation_loses_nothing(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory, order: Order
) -> None:
    reserved = ticket.event(1, order.id)
    await orders.apply_ticket_event(reserved)
    await peer.publish(reserved)
    assert await peer.wait_for(OrderAwaitingPayment) == [order.confirm().event]


@pytest.mark.parametrize(
    ("word", "kind", "reason"),
    [
        (PAID, OrderCompleted, None),
        (EXPIRED, OrderCancelled, CancelReason.EXPIRED),
        (DECLINED, OrderCancelled, CancelReason.PAYMENT_FAILED),
    ],
)
@pytest.mark.parametrize("is_confirmed", [False, True])
async def test_an_end_is_announced_with_its_reason(
    orders: OrderRepository,
    peer: BusPeer,
    order: Order,
    word: str,
    kind: type[OrderEvent],
    reason: CancelReason | None,
    *,
    is_confirmed: bool,
) -> None:
    if is_confirmed:
        await orders.update(order.id, Order.confirm)
    await peer.publish(trigger(word, order))
    [event] = await peer.wait_for(kind)
    assert (event.id, event.version) == (order.id, 2 if is_confirmed else 1)
    assert event.cancel_reason is reason
    assert (await orders.get(order.id)).event == event


@pytest.mark.parametrize("first", [PAID, EXPIRED, DECLINED])
async def test_nothing_follows_the_end(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory, order: Order, first: str
) -> None:
    await peer.publish(trigger(first, order))
    await peer.wait_acked_by("orders")
    ended = await orders.get(order.id)
    assert ended.version == 1
    for word in (EXPIRED, PAID, DECLINED):
        await peer.publish(trigger(word, order), ":later")
    await peer.publish(ticket.event(1, order.id))
    await peer.wait_acked_by("orders")
    assert await orders.get(order.id) == ended


async def test_a_trigger_waits_for_its_order(
    orders: OrderRepository, peer: BusPeer, order: Order
) -> None:
    early = Order.place(order.ticket, "somebody", timedelta(minutes=15))
    await peer.publish(trigger(PAID, early))
    await peer.wait_redelivered("orders")
    await peer.publish(trigger(EXPIRED, order))
    await peer.wait_for(OrderCancelled)
    await orders.add(early)
    assert await peer.wait_for(OrderCompleted) == [early.complete().event]


async def test_each_version_is_announced_once_in_order(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory, order: Order
) -> None:
    for copy in ("", ":again"):
        await peer.publish(ticket.event(1, order.id), copy)
        await peer.publish(trigger(PAID, order), copy)
    await peer.wait_acked_by("orders")
    await peer.wait_for(OrderCompleted)
    heard = [event for event in peer.received if isinstance(event, OrderEvent)]
    stored = await orders.get(order.id)
    assert [event.version for event in heard] == list(range(stored.version + 1))
    assert type(heard[0]) is OrderCreated
    assert stored.status is OrderStatus.COMPLETE


async def test_a_snapshot_fills_a_replica_and_skips_gaps(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory
) -> None:
    new = TicketHistory()
    for known in (ticket, new):
        await peer.publish(known.snapshot(5))
    await peer.wait_acked_by("orders")
    assert await versions_of(ticket, new, orders) == [5, 5]
    await peer.publish(ticket.event(6))
    await peer.wait_acked_by("orders")
    assert await versions_of(ticket, new, orders) == [6, 5]


async def test_an_old_snapshot_changes_nothing(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory
) -> None:
    await orders.apply_ticket_event(ticket.event(1))
    await peer.publish(ticket.snapshot(0).model_copy(update={"title": "Wrong"}))
    await peer.wait_acked_by("orders")
    known = await orders.ticket(ticket.id)
    assert known
    assert (known.version, known.title) == (1, "Concert 1")


async def test_snapshot_of_same_version_backfills_fields(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory
) -> None:
    await orders.apply_ticket_event(ticket.event(1))
    await peer.publish(ticket.event(1).model_copy(update={"title": "Late copy"}), copy=":late")
    await peer.publish(ticket.snapshot(1).model_copy(update={"title": "Back-filled"}))
    await peer.wait_acked_by("orders")
    known = await orders.ticket(ticket.id)
    assert known
    assert (known.version, known.title) == (1, "Back-filled")


async def test_ticket_known_by_snapshot_can_be_ordered(
    orders: OrderRepository, peer: BusPeer
) -> None:
    new = TicketHistory()
    await peer.publish(new.snapshot(0))
    await peer.wait_acked_by("orders")
    await orders.apply_ticket_event(new.event(0))
    await orders.apply_ticket_event(new.event(1))
    known = await orders.ticket(new.id)
    assert known
    assert known.version == 1


async def test_concurrent_snapshots_never_overwrite_newer_version(
    orders: OrderRepository,
) -> None:
    async def adopt(ticket: TicketHistory, version: int) -> None:
        await orders.apply_ticket_event(ticket.snapshot(version))
        known = await orders.ticket(ticket.id)
        assert known
        assert known.version >= version

    for _ in range(200):
        ticket = TicketHistory()
        await asyncio.gather(*(adopt(ticket, version) for version in range(8)))


async def test_snapshot_of_held_ticket_confirms_order(
    orders: OrderRepository, peer: BusPeer, ticket: TicketHistory, order: Order
) -> None:
    await peer.publish(ticket.snapshot(4, order.id))
    assert await peer.wait_for(OrderAwaitingPayment) == [order.confirm().event]
    assert await orders.get(order.id) == order.confirm()
