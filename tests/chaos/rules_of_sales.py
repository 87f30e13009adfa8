"""Tickets and their orders: sold once, shown as they are, nothing left open, nothing too early."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.chaos.observations import Message, Observations

from common.mongo import Document

FINAL = {"complete", "cancelled"}


def _orders_by_ticket(observed: Observations) -> dict[str, list[Document]]:
    by_ticket: defaultdict[str, list[Document]] = defaultdict(list)
    for order in observed.orders.values():
        by_ticket[order["ticket"]["id"]].append(order)
    return by_ticket


def a_ticket_is_sold_once(observed: Observations) -> Iterator[tuple[str, str]]:
    """At most one order holds it, now and at any moment of the past."""
    for ticket_id, orders in _orders_by_ticket(observed).items():
        holders = [order["_id"] for order in orders if order["holdsTicket"]]
        if len(holders) > 1:
            yield ticket_id, f"is held by {holders}"
    holder: dict[str, str] = {}
    ticket_of: dict[str, str] = {}
    for write in observed.writes_to("orders.orders"):
        ticket_id = ticket_of.setdefault(write.entity, str(write.get("ticket.id")))
        if write.get("holdsTicket") is True and holder.setdefault(ticket_id, write.entity) != (
            write.entity
        ):
            yield ticket_id, f"was taken by {write.entity} while {holder[ticket_id]} held it"
        elif write.get("holdsTicket") is False and holder.get(ticket_id) == write.entity:
            del holder[ticket_id]


def a_ticket_shows_its_holder(observed: Observations) -> Iterator[tuple[str, str]]:
    """`orderId` is the order that holds it, or absent when none does."""
    by_ticket = _orders_by_ticket(observed)
    for ticket_id, ticket in observed.tickets.items():
        holders = [order["_id"] for order in by_ticket.get(ticket_id, []) if order["holdsTicket"]]
        shown = [ticket["orderId"]] if ticket["orderId"] else []
        if shown != holders:
            yield ticket_id, f"shows {shown}, held by {holders}"
    for ticket_id in by_ticket.keys() - observed.tickets.keys():
        yield ticket_id, "has orders but does not exist"


def every_order_ends(observed: Observations) -> Iterator[tuple[str, str]]:
    """Complete or cancelled, with a reason exactly when cancelled."""
    for order_id, order in observed.orders.items():
        if order["status"] not in FINAL:
            yield order_id, f"is still {order['status']}"
        if (order["status"] == "cancelled") != (order["cancelReason"] is not None):
            yield order_id, f"is {order['status']} because of {order['cancelReason']}"


def nothing_expires_early(observed: Observations) -> Iterator[tuple[str, str]]:
    """An order that expired had its whole window."""
    for message, lateness in expiries(observed):
        if lateness < 0:
            yield message.entity, f"expired {-lateness:.3f} s before its time"


def expiries(observed: Observations) -> Iterator[tuple[Message, float]]:
    """The cancellations of orders that expired, and how many seconds after their time."""
    seen: set[str] = set()
    for message in observed.messages:
        is_expiry = message.body.get("cancelReason") == "expired"
        if is_expiry and message.entity not in seen:
            seen.add(message.entity)
            due = datetime.fromisoformat(message.body["expiresAt"])
            yield message, (datetime.fromisoformat(message.time) - due).total_seconds()
