"""One ticket that everybody wants."""

import asyncio
from collections import Counter
from datetime import datetime

import pytest

from common.contracts.events import OrderCancelled, OrderCreated, OrderEvent, TicketUpdated
from devstack.order_history import OrderHistory
from devstack.testing import BusPeer
from tickets.domain import Reservation, Ticket
from tickets.repository import TicketRepository


async def test_its_orders_do_not_fight_over_it(
    tickets: TicketRepository,
    ticket: Ticket,
    peer: BusPeer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decisions, apply_order = Counter[str](), Ticket.apply_order

    def counted(ticket: Ticket, event: OrderEvent, now: datetime) -> Ticket:
        decisions[event.id] += 1
        return apply_order(ticket, event, now)

    monkeypatch.setattr(Ticket, "apply_order", counted)
    orders = [OrderHistory("somebody", ticket_id=ticket.id) for _ in range(100)]
    for kind, version in ((OrderCreated, 0), (OrderCancelled, 1)):
        said = (order.event(kind, version) for order in orders)
        await asyncio.gather(*(peer.publish(event) for event in said))
    for part in range(50, 201, 50):  # patience as long as it gets on
        await peer.wait_for(TicketUpdated, part)
    await peer.wait_acked_by("tickets")
    after = await tickets.get(ticket.id)
    assert (after.version, after.order_id) == (200, None)
    assert after.reservations == {order.id: Reservation(version=1, live=False) for order in orders}
    announced = peer.received_of(TicketUpdated)
    assert [event.version for event in announced] == list(range(1, 201))
    assert set(decisions.values()) == {2}  # nobody was beaten to it, and decided once more
    assert {log.getMessage() for log in caplog.records if "event" in log.msg} == {"event handled"}
