"""Listener orders."""

from itertools import permutations

from httpx import AsyncClient

from common.contracts.events import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
    TicketUpdated,
)
from common.contracts.money import Price
from devstack.order_history import OrderHistory
from devstack.testing import BusPeer, Session
from tickets.domain import Ticket
from tickets.handlers import on_order_changed
from tickets.repository import TicketRepository


async def test_an_order_holds_its_ticket(
    client: AsyncClient, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    assert await peer.wait_for(TicketUpdated) == [
        TicketUpdated(
            id=ticket.id,
            version=1,
            title="Concert",
            price=Price(1999),
            user_id=ticket.user_id,
            order_id=order.id,
        )
    ]
    shown = (await client.get(f"/api/tickets/{ticket.id}")).json()
    assert (shown["version"], shown["orderId"]) == (1, order.id)


async def test_a_cancelled_order_frees_its_ticket(
    client: AsyncClient, ticket: Ticket, peer: BusPeer, order: OrderHistory, seller: Session
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.publish(order.event(OrderCancelled, 1))
    held, freed = await peer.wait_for(TicketUpdated, 2)
    assert [(e.version, e.order_id) for e in (held, freed)] == [(1, order.id), (2, None)]
    opera = {"title": "Opera", "price": 25}
    edited = await client.put(f"/api/tickets/{ticket.id}", json=opera, headers=seller.headers)
    assert (edited.status_code, edited.json()["version"]) == (200, 3)


async def test_a_completed_order_has_bought_its_ticket(
    client: AsyncClient, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    for event in (order.event(OrderCreated, 0), order.event(OrderCompleted, 2)):
        await peer.publish(event)
    held, sold = await peer.wait_for(TicketUpdated, 2)
    assert [(e.version, e.order_id, e.sold) for e in (held, sold)] == [
        (1, order.id, None),
        (2, order.id, True),
    ]
    shown = (await client.get(f"/api/tickets/{ticket.id}")).json()
    assert (shown["version"], shown["status"]) == (2, "sold")


async def test_repeated_and_stale_events_change_nothing(
    tickets: TicketRepository, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    await peer.publish(order.event(OrderCreated, 0))
    await peer.publish(order.event(OrderCreated, 0), ":again")
    await peer.publish(order.event(OrderCancelled, 1))
    await peer.publish(order.event(OrderCancelled, 1), ":again")
    await peer.publish(order.event(OrderCreated, 0), ":late")
    await peer.wait_acked_by("tickets")
    after = await tickets.get(ticket.id)
    assert (after.version, after.order_id) == (2, None)


async def test_cancellation_before_creation_leaves_the_ticket_free(
    tickets: TicketRepository, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    await peer.publish(order.event(OrderCancelled, 1))
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("tickets")
    assert (await tickets.get(ticket.id)).order_id is None


async def test_another_orders_cancellation_frees_nothing(
    tickets: TicketRepository, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    earlier = OrderHistory("somebody", ticket_id=ticket.id)
    await peer.publish(order.event(OrderCreated, 0))
    await peer.publish(earlier.event(OrderCancelled, 1))
    await peer.wait_acked_by("tickets")
    assert (await tickets.get(ticket.id)).order_id == order.id


async def test_any_arrival_order_stores_the_same(
    tickets: TicketRepository, seller: Session
) -> None:
    for arrival in permutations(range(3)):
        ticket = Ticket.list_for_sale("Concert", Price(1999), seller.id)
        await tickets.add(ticket)
        a, b = (OrderHistory("somebody", ticket_id=ticket.id) for _ in "AB")
        history: list[OrderEvent] = [
            a.event(OrderCreated, 0),
            a.event(OrderCancelled, 1),
            b.event(OrderCreated, 0),
        ]
        for index in (*arrival, *arrival):
            await on_order_changed(history[index], tickets)
        assert (await tickets.get(ticket.id)).order_id == b.id, arrival


async def test_order_of_unknown_ticket_is_redelivered(
    tickets: TicketRepository, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    early = OrderHistory("somebody")
    await peer.publish(early.event(OrderCreated, 0))
    await peer.wait_redelivered("tickets")
    await peer.publish(order.event(OrderCreated, 0))
    assert [e.id for e in await peer.wait_for(TicketUpdated)] == [ticket.id]
    await tickets.add(Ticket(early.ticket_id, 0, "Concert", Price(1999), ticket.user_id))
    await peer.wait_acked_by("tickets")
    assert (await tickets.get(early.ticket_id)).order_id == early.id


async def test_order_snapshot_replaces_lost_events(
    tickets: TicketRepository, ticket: Ticket, peer: BusPeer, order: OrderHistory
) -> None:
    await peer.publish(order.snapshot(OrderAwaitingPayment, 1))
    await peer.wait_acked_by("tickets")
    assert (await tickets.get(ticket.id)).order_id == order.id
    await peer.publish(order.snapshot(OrderCancelled, 2))
    await peer.wait_acked_by("tickets")
    assert (await tickets.get(ticket.id)).order_id is None
    await peer.publish(order.snapshot(OrderAwaitingPayment, 1), ":late")
    await peer.wait_acked_by("tickets")
    assert (await tickets.get(ticket.id)).order_id is None
