"""Whatever the bus does with events, the database ends the same."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.contracts.events import (
    Event,
    ExpirationComplete,
    PaymentCreated,
    PaymentFailed,
)
from common.contracts.ids import new_id
from common.contracts.money import Price
from common.contracts.order_status import CancelReason, OrderStatus
from common.errors import VersionGap
from common.mongo import Database
from devstack.ticket_history import TicketHistory
from orders.domain import Order, Ticket, TicketAlreadyReserved
from orders.handlers import HANDLERS
from orders.repository import OrderRepository

TICKET = Ticket(new_id(), 0, "Concert", Price(1999))
WINDOW = timedelta(minutes=15)

ENDS: dict[str, tuple[OrderStatus, CancelReason | None]] = {
    "paid": (OrderStatus.COMPLETE, None),
    "expired": (OrderStatus.CANCELLED, CancelReason.EXPIRED),
    "declined": (OrderStatus.CANCELLED, CancelReason.PAYMENT_FAILED),
}

few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def arrivals(count: int) -> st.SearchStrategy[list[int]]:
    """Every event of a history at least once, in any order, some of them again."""
    again = st.lists(st.integers(0, count - 1), max_size=count)
    return again.flatmap(lambda more: st.permutations([*range(count), *more]))


@pytest.fixture
async def orders(database: Database) -> OrderRepository:
    """What the orders service stores, without the service."""
    orders = OrderRepository(database)
    await orders.prepare()
    return orders


async def deliver(events: Sequence[Event], orders: OrderRepository) -> None:
    """Hand over the events, early ones again and again, as the bus does."""
    waiting = list(events)
    while waiting:
        early = []
        for event in waiting:
            try:
                await HANDLERS[event.subject](event, orders)
            except VersionGap:
                early.append(event)
        assert len(early) < len(waiting), "a gap that never closes"
        waiting = early


@few
@given(arrival=arrivals(5))
async def test_any_arrival_order_of_ticket_events_converges(
    orders: OrderRepository, arrival: list[int]
) -> None:
    ticket = TicketHistory()
    await deliver([ticket.event(version) for version in arrival], orders)
    assert await orders.ticket(ticket.id) == Ticket(ticket.id, 4, "Concert 4", Price(1400))


@few
@given(heard=st.lists(st.sampled_from(["reserved", *ENDS]), max_size=8))
async def test_first_final_status_wins_and_is_published_once(
    orders: OrderRepository, heard: list[str]
) -> None:
    ticket = TicketHistory()
    order = Order.place(Ticket(ticket.id, 0, "Concert", Price(1000)), "buyer", WINDOW)
    await orders.add(order)
    said: dict[str, Event] = {
        "reserved": ticket.event(1, order.id),
        "paid": PaymentCreated(order_id=order.id, id=new_id(), stripe_id="pi_1"),
        "expired": ExpirationComplete(order_id=order.id),
        "declined": PaymentFailed(order_id=order.id, id=new_id(), reason="insufficient_funds"),
    }
    await deliver([ticket.event(0), *(said[word] for word in heard)], orders)
    after = await orders.get(order.id)
    assert (after.status, after.cancel_reason) == expected_end(heard)
    [collection] = orders.outboxes
    stored = await collection.find_one({"_id": order.id})
    assert stored
    announced = [entry["version"] for entry in stored["outbox"]]
    assert announced == list(range(after.version + 1))


def expected_end(heard: Sequence[str]) -> tuple[OrderStatus, CancelReason | None]:
    """The first end decides; without one, a reservation."""
    for word in heard:
        if word in ENDS:
            return ENDS[word]
    return (OrderStatus.AWAITING_PAYMENT if heard else OrderStatus.CREATED, None)


async def test_ticket_has_one_order_at_a_time(orders: OrderRepository) -> None:
    for step in (Order.confirm, Order.complete):
        held = Order.place(replace(TICKET, id=new_id()), "buyer", WINDOW)
        await orders.add(held)
        await orders.update(held.id, step)
        with pytest.raises(TicketAlreadyReserved):
            await orders.add(Order.place(held.ticket, "another", WINDOW))


async def test_cancelled_orders_may_share_a_ticket(orders: OrderRepository) -> None:
    for _ in range(3):
        order = Order.place(TICKET, "buyer", WINDOW)
        await orders.add(order)
        await orders.update(order.id, lambda held: held.cancel(CancelReason.BUYER))


async def test_many_tickets_at_once_get_what_each_deserves(orders: OrderRepository) -> None:
    new, known, early, broken = (TicketHistory() for _ in range(4))
    for ticket in (known, broken):
        await orders.apply_ticket_event(ticket.event(0))
    too_much = broken.event(1).model_copy(update={"price": Price(2**70)})
    results = await asyncio.gather(
        orders.apply_ticket_event(new.event(0)),
        orders.apply_ticket_event(known.event(1)),
        orders.apply_ticket_event(known.event(0)),
        orders.apply_ticket_event(early.event(2)),
        orders.apply_ticket_event(too_much),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [*[type(None)] * 3, VersionGap, OverflowError]
    found = [await orders.ticket(ticket.id) for ticket in (new, known, early, broken)]
    assert [ticket and ticket.version for ticket in found] == [0, 1, None, 0]


async def test_many_copies_at_once_are_one(orders: OrderRepository) -> None:
    ticket = TicketHistory()
    copies = [ticket.event(version) for version in (0, 1, 2)] * 3
    for _ in range(3):
        await asyncio.gather(*map(orders.apply_ticket_event, copies), return_exceptions=True)
    known = await orders.ticket(ticket.id)
    assert known is not None
    assert (known.version, known.title) == (2, "Concert 2")
