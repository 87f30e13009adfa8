"""The rules of a ticket."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations

import pytest

from common.contracts.events import (
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
    TicketCreated,
    TicketUpdated,
)
from common.contracts.ids import is_id
from common.contracts.money import Price
from common.contracts.ticket_status import TicketStatus
from devstack.order_history import OrderHistory
from tickets.domain import RETENTION, NotTheSeller, Ticket, TicketReserved

NOW = datetime.now(UTC)
LONG_AFTER = NOW + RETENTION + timedelta(hours=1)

FREE = Ticket.list_for_sale("Concert", Price(1999), "seller")
A, B, C = (OrderHistory("buyer", ticket_id=FREE.id) for _ in "ABC")
HELD = FREE.apply_order(A.event(OrderCreated, 0), NOW)

A_THEN_B: list[OrderEvent] = [
    A.event(OrderCreated, 0),
    A.event(OrderCancelled, 1),
    B.event(OrderCreated, 0),
]
A_THEN_B_THEN_NOBODY: list[OrderEvent] = [
    A.event(OrderCreated, 0),
    A.event(OrderCancelled, 2),
    B.event(OrderCreated, 0),
    B.event(OrderCancelled, 1),
]
A_THEN_B_THEN_C: list[OrderEvent] = [
    *A_THEN_B,
    B.event(OrderCancelled, 2),
    C.event(OrderCreated, 0),
]
A_THEN_B_PAYS: list[OrderEvent] = [*A_THEN_B, B.event(OrderCompleted, 2)]

FREED, TAKEN, BOUGHT = TicketStatus.FREE, TicketStatus.HELD, TicketStatus.SOLD


def apply_order(ticket: Ticket, event: OrderEvent) -> Ticket:
    """Hear of an order now."""
    return ticket.apply_order(event, NOW)


def ends(
    history: Sequence[OrderEvent], arrivals: Iterable[Sequence[int]]
) -> set[tuple[str | None, TicketStatus]]:
    """Who holds the ticket and how, after each way in which a history may arrive."""
    after = (reduce(apply_order, (history[index] for index in way), FREE) for way in arrivals)
    return {(ticket.order_id, ticket.status) for ticket in after}


def test_an_offered_ticket_is_free() -> None:
    assert is_id(FREE.id)
    assert (FREE.version, FREE.order_id) == (0, None)
    assert FREE.event == TicketCreated(
        id=FREE.id, version=0, title="Concert", price=Price(1999), user_id="seller"
    )


def test_an_edit_is_the_next_version() -> None:
    edited = FREE.edit("Opera", Price(2500), by="seller")
    assert edited.event == TicketUpdated(
        id=FREE.id, version=1, title="Opera", price=Price(2500), user_id="seller"
    )


@pytest.mark.parametrize("ticket", [FREE, HELD])
def test_only_the_seller_may_edit(ticket: Ticket) -> None:
    with pytest.raises(NotTheSeller):
        ticket.edit("Opera", Price(2500), by="stranger")


def test_a_held_ticket_cannot_be_edited() -> None:
    with pytest.raises(TicketReserved):
        HELD.edit("Opera", Price(2500), by="seller")


def test_a_hold_is_announced_with_its_order() -> None:
    assert HELD.event == TicketUpdated(
        id=FREE.id,
        version=1,
        title="Concert",
        price=Price(1999),
        user_id="seller",
        order_id=A.id,
    )


@pytest.mark.parametrize("later", [OrderAwaitingPayment, OrderCompleted])
def test_a_live_order_keeps_its_ticket(later: type[OrderEvent]) -> None:
    assert HELD.apply_order(A.event(later, 1), NOW).order_id == A.id


def test_a_cancelled_order_gives_its_ticket_back() -> None:
    freed = HELD.apply_order(A.event(OrderCancelled, 1), NOW)
    assert (freed.version, freed.order_id) == (2, None)
    assert freed.edit("Opera", Price(2500), by="seller").version == 3


def test_a_cancellation_ends_only_its_own_order() -> None:
    assert HELD.apply_order(B.event(OrderCancelled, 1), NOW).order_id == A.id


def test_known_version_changes_nothing() -> None:
    assert HELD.apply_order(A.event(OrderCreated, 0), NOW) is HELD
    freed = HELD.apply_order(A.event(OrderCancelled, 1), NOW)
    for old in (A.event(OrderCancelled, 1), A.event(OrderCreated, 0)):
        assert freed.apply_order(old, NOW) is freed


@pytest.mark.parametrize(
    ("history", "holder", "status"),
    [
        (A_THEN_B, B.id, TAKEN),
        (A_THEN_B_THEN_NOBODY, None, FREED),
        (A_THEN_B_THEN_C, C.id, TAKEN),
        (A_THEN_B_PAYS, B.id, BOUGHT),
    ],
    ids=["A then B", "A then B then nobody", "A then B then C", "A then B, who pays"],
)
def test_every_order_of_arrival_ends_with_one_holder(
    history: list[OrderEvent], holder: str | None, status: TicketStatus
) -> None:
    once = list(permutations(range(len(history))))
    again = [(*arrival, *repeated) for arrival in once for repeated in once]
    assert ends(history, once) == {(holder, status)}
    assert ends(history, again) == {(holder, status)}


@pytest.mark.parametrize("last", [OrderCreated, OrderCompleted])
def test_duplicates_between_the_events_change_no_holder(last: type[OrderEvent]) -> None:
    arrivals = set(permutations([0, 0, 1, 1, 2, 2]))
    assert len(arrivals) == 90
    status = BOUGHT if last is OrderCompleted else TAKEN
    assert ends([*A_THEN_B[:2], B.event(last, 2)], arrivals) == {(B.id, status)}


def test_paid_order_keeps_ticket_despite_late_events() -> None:
    sold = FREE.apply_order(A.event(OrderCompleted, 2), NOW)
    assert (sold.status, sold.version) == (BOUGHT, 1)
    assert sold.event == bought(sold)
    late = sold.apply_order(B.event(OrderCreated, 0), NOW)
    assert (late.order_id, late.status) == (A.id, BOUGHT)


def test_a_sale_is_announced_and_cannot_be_edited() -> None:
    sold = HELD.apply_order(A.event(OrderCompleted, 2), NOW)
    assert (HELD.status, sold.status) == (TAKEN, BOUGHT)
    assert sold.event == bought(sold)
    with pytest.raises(TicketReserved):
        sold.edit("Opera", Price(2500), by="seller")


def bought(ticket: Ticket) -> TicketUpdated:
    """What is said of the ticket when A has bought it."""
    return TicketUpdated(
        id=FREE.id,
        version=ticket.version,
        title="Concert",
        price=Price(1999),
        user_id="seller",
        order_id=A.id,
        sold=True,
    )


@pytest.mark.parametrize("ticket", [FREE, HELD])
def test_snapshot_has_whole_state_at_any_version(ticket: Ticket) -> None:
    assert ticket.snapshot == TicketUpdated(
        id=ticket.id,
        version=ticket.version,
        title="Concert",
        price=Price(1999),
        user_id="seller",
        order_id=ticket.order_id,
        snapshot=True,
    )


@pytest.mark.parametrize("kind", [OrderCreated, OrderAwaitingPayment, OrderCompleted])
def test_snapshot_of_live_order_holds_ticket(kind: type[OrderEvent]) -> None:
    held = FREE.apply_order(A.snapshot(kind, 2), NOW)
    assert held.order_id == A.id
    for late in (A.event(OrderCreated, 0), A.snapshot(kind, 2)):
        assert held.apply_order(late, NOW) is held


def test_snapshot_of_cancelled_order_frees_ticket() -> None:
    freed = HELD.apply_order(A.snapshot(OrderCancelled, 2), NOW)
    assert freed.order_id is None
    for late in (A.event(OrderCreated, 0), A.snapshot(OrderAwaitingPayment, 1)):
        assert freed.apply_order(late, NOW) is freed


def test_unchanged_status_publishes_no_event() -> None:
    assert HELD.apply_order(A.snapshot(OrderAwaitingPayment, 1), NOW) is HELD
    sold = HELD.apply_order(A.snapshot(OrderCompleted, 2), NOW)
    assert sold.apply_order(A.snapshot(OrderCompleted, 2), NOW) is sold


def test_reservation_past_retention_is_dropped() -> None:
    freed = HELD.apply_order(A.event(OrderCancelled, 1), NOW)
    assert set(freed.apply_order(B.event(OrderCreated, 0), NOW).reservations) == {A.id, B.id}
    later = freed.apply_order(B.snapshot(OrderCompleted, 2), LONG_AFTER)
    assert (set(later.reservations), later.order_id) == ({B.id}, B.id)


def test_a_live_order_is_never_forgotten() -> None:
    later = HELD.apply_order(B.snapshot(OrderCompleted, 2), LONG_AFTER)
    assert set(later.reservations) == {A.id, B.id}
    assert later.apply_order(A.event(OrderCancelled, 1), LONG_AFTER).order_id == B.id


@pytest.mark.parametrize(
    "late",
    [
        A.event(OrderCreated, 0),
        A.event(OrderCancelled, 1),
        A.snapshot(OrderAwaitingPayment, 1),
        A.snapshot(OrderCancelled, 2),
    ],
    ids=["created", "cancelled", "snapshot of a live one", "snapshot of a cancelled one"],
)
def test_duplicate_event_past_retention_is_ignored(late: OrderEvent) -> None:
    assert FREE.apply_order(late, LONG_AFTER) is FREE
