"""Every invariant notices what it is there for: a whole run, and one thing wrong with it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.chaos.history import Answer
from tests.chaos.invariants import INVARIANTS, violations
from tests.chaos.observations import CONSUMERS, Message, Observations, Write

from common.contracts.events import wire_time
from common.mongo import Document
from devstack.jetstream import ConsumerState
from expiration.repository import LEASE

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAID = {"id": "payment", "orderId": "paid", "status": "authorized"}
NONE_LEFT = ConsumerState(num_pending=0, num_ack_pending=0, num_redelivered=0)


def ticket(order_id: str | None) -> Document:
    """A ticket that two orders wanted."""
    claims = {
        "gone": {"version": 1, "live": False, "paid": False},
        "paid": {"version": 2, "live": True, "paid": True},
    }
    shown = {"_id": "ticket", "version": 3, "title": "Concert", "priceCents": 1999}
    return shown | {"orderId": order_id, "orders": claims}


def order(name: str, status: str, version: int, reason: str | None = None) -> Document:
    """An order of the ticket."""
    return {
        "_id": name,
        "version": version,
        "status": status,
        "cancelReason": reason,
        "userId": "buyer",
        "expiresAt": NOON,
        "holdsTicket": status != "cancelled",
        "ticket": {"id": "ticket", "version": 0, "title": "Concert", "priceCents": 1999},
    }


def checkout(of: Document, payment: Document | None) -> Document:
    """What payments knows of an order."""
    copied = {name: of[name] for name in ("version", "status", "userId", "expiresAt")}
    return {"order": copied | {"amountCents": 1999}, "payment": payment, "dueAt": None}


def told(entity: str, version: int, seconds: float, **more: object) -> Message:
    """A message about the ticket or an order."""
    body = {"id": entity, "version": version, "title": "Concert", "price": 19.99}
    body |= {"expiresAt": wire_time(NOON), "ticket": body | {"id": "ticket"}} | more
    owner = "ticket" if entity == "ticket" else "order"
    moment = wire_time(NOON + timedelta(seconds=seconds))
    return Message(0, f"{owner}:told", entity, moment, body, f"{owner}:told:{entity}:{version}")


def answered(method: str, path: str, status: int, sent: Document, body: Document) -> Answer:
    """What somebody was told."""
    return Answer(NOON, NOON, "somebody", method, path, sent, status, body)


def shown(path: str, status: str, version: int) -> Answer:
    """What somebody saw."""
    body = {"id": path.rpartition("/")[2], "status": status, "version": version}
    body |= {"ticket": {"id": "ticket", "title": "Concert", "price": 19.99}}
    return answered("GET", path, 200, {}, body)


def versions(place: str, entity: str, last: int) -> list[Write]:
    """The writes that bring a document to its version."""
    return [Write(place, entity, {"version": version}) for version in range(last + 1)]


def whole_run() -> Observations:
    """One ticket: the first order of it expired, the second was paid."""
    gone, paid = order("gone", "cancelled", 1, "expired"), order("paid", "complete", 2)
    payment = {"id": "payment", "status": "captured", "closed": True}
    edit = {"title": "Concert", "price": "19.99"}
    claim = {"owner": "one", "leaseUntil": NOON + LEASE}
    return Observations(
        tickets={"ticket": ticket("paid")},
        orders={"gone": gone, "paid": paid},
        copies={"ticket": {"version": 3, "title": "Concert", "priceCents": 1999}},
        checkouts={"gone": checkout(gone, None), "paid": checkout(paid, payment)},
        timers={"gone": {"state": "fired"}, "paid": {"state": "cancelled"}},
        messages=[
            *(told("ticket", version, version) for version in range(4)),
            told("gone", 0, -4),
            told("gone", 1, 0.1, cancelReason="expired"),
            *(told("paid", version, 1) for version in range(3)),
            told("ticket", 1, 9),
        ],
        writes=[
            *versions("tickets.tickets", "ticket", 3),
            *versions("orders.tickets", "ticket", 3),
            Write("orders.orders", "gone", gone | {"version": 0, "holdsTicket": True}),
            Write("orders.orders", "gone", {"version": 1, "holdsTicket": False}),
            Write("orders.orders", "paid", paid | {"version": 0}),
            Write("orders.orders", "paid", {"version": 1}),
            Write("orders.orders", "paid", {"version": 2}),
            Write("payments.checkouts", "paid", {"version": 0, "order": {"version": 0}}),
            Write("payments.checkouts", "paid", {"version": 1, "order": {"version": 0}}),
            Write("payments.checkouts", "paid", {"version": 2, "order.version": 1}),
            Write("expiration.timers", "gone", claim),
        ],
        books=[books("paid", "succeeded", 1999), books("gone", "canceled", 0)],
        backlogs=dict.fromkeys(CONSUMERS, NONE_LEFT),
        answers=[
            answered("POST", "/api/tickets", 201, edit, {"id": "ticket"}),
            answered("PUT", "/api/tickets/ticket", 200, edit, {"id": "ticket", "version": 1}),
            answered("POST", "/api/orders", 201, {}, {"id": "gone"}),
            answered("DELETE", "/api/orders/gone", 204, {}, {}),
            answered("POST", "/api/payments", 201, {"orderId": "paid"}, PAID),
            answered("POST", "/api/payments", 402, {"orderId": "gone"}, {}),
        ],
    )


def books(order_id: str, status: str, captured: int, refunded: int = 0) -> Document:
    """A line of Stripe's ledger."""
    money = {"amount": 1999, "captured": captured, "refunded": refunded}
    return {"intent": "pi_1", "orderId": order_id, "status": status, **money}


def test_a_whole_run_breaks_nothing() -> None:
    assert violations(whole_run()) == []


Wrong = Callable[[Observations], Observations]


def instead(run: Observations, fields: Document) -> Observations:
    """The run with some of it replaced."""
    return replace(run, **fields)


def changed(kind: str, entity: str, **fields: object) -> Wrong:
    """One document says something else."""

    def wrong(run: Observations) -> Observations:
        documents = deepcopy(dict(getattr(run, kind)))
        documents[entity].update(fields)
        return instead(run, {kind: documents})

    return wrong


def also(kind: str, *more: object) -> Wrong:
    """There is more of something."""
    return lambda run: instead(run, {kind: [*getattr(run, kind), *more]})


def without(kind: str, position: int) -> Wrong:
    """Something is missing."""
    return lambda run: instead(
        run, {kind: [x for n, x in enumerate(getattr(run, kind)) if n != position]}
    )


def told_backwards(run: Observations) -> Observations:
    """The stream has everything, in the wrong order."""
    return replace(run, messages=list(reversed(run.messages)))


def unheard(run: Observations) -> Observations:
    """A service has something left to hear."""
    left = ConsumerState(num_pending=0, num_ack_pending=1, num_redelivered=0)
    return replace(run, backlogs={**run.backlogs, "orders": left})


def never_freed(run: Observations) -> Observations:
    """The second order took the ticket before the first had given it back."""
    return replace(run, writes=[w for w in run.writes if w.get("holdsTicket") is not False])


def captured_for_nobody(run: Observations) -> Observations:
    """Stripe took money twice, and the second order is not known."""
    return replace(run, books=[*run.books, books("unknown", "succeeded", 1999)])


FORGOTTEN = PAID | {"id": "forgotten"}
PAID_WAS_COMPLETE = shown("/api/orders/paid", "complete", 2)

WRONGS: list[tuple[str, Wrong]] = [
    ("a_ticket_is_sold_once", changed("orders", "gone", holdsTicket=True)),
    (
        "a_ticket_is_sold_once",
        lambda run: replace(
            run, writes=[w for w in run.writes if w.get("holdsTicket") is not False]
        ),
    ),
    ("a_ticket_shows_its_holder", changed("tickets", "ticket", orderId="gone")),
    ("a_ticket_shows_its_holder", changed("tickets", "ticket", orderId=None)),
    ("a_ticket_shows_its_holder", lambda run: replace(run, tickets={})),
    ("every_order_ends", changed("orders", "paid", status="awaiting:payment")),
    ("every_order_ends", changed("orders", "gone", cancelReason=None)),
    ("nothing_expires_early", also("messages", told("early", 1, -0.1, cancelReason="expired"))),
    ("an_order_has_one_intent", also("books", books("paid", "requires_confirmation", 0))),
    ("money_follows_the_order", without("books", 0)),
    ("money_follows_the_order", also("books", books("gone", "requires_capture", 0))),
    ("money_follows_the_order", also("books", books("gone", "succeeded", 1999))),
    ("every_capture_belongs_to_an_order", captured_for_nobody),
    ("every_capture_belongs_to_an_order", changed("checkouts", "paid", payment=None)),
    ("no_payment_stays_open", changed("checkouts", "gone", dueAt=NOON)),
    ("no_payment_stays_open", changed("checkouts", "gone", payment={"closed": False})),
    ("captured_money_is_complete_orders", captured_for_nobody),
    ("the_stream_is_complete_and_ordered", without("messages", 2)),
    ("the_stream_is_complete_and_ordered", without("messages", 8)),
    ("a_version_has_one_content", also("messages", told("paid", 1, 1, price=20))),
    ("the_stream_is_complete_and_ordered", told_backwards),
    ("everything_was_consumed", unheard),
    ("everything_was_consumed", changed("orders", "paid", outboxSince=NOON)),
    ("everything_was_consumed", also("dead_letters", "order:created")),
    ("replicas_are_consistent", changed("copies", "ticket", priceCents=2000)),
    ("replicas_are_consistent", changed("checkouts", "paid", order={"version": 1})),
    ("replicas_are_consistent", changed("tickets", "ticket", orders={})),
    (
        "each_version_is_applied_once",
        also("writes", *versions("orders.orders", "paid", 0)),
    ),
    ("each_version_is_applied_once", without("writes", 2)),
    (
        "each_version_is_applied_once",
        also("writes", Write("payments.checkouts", "paid", {"order": {"version": 0}})),
    ),
    ("every_timer_ends", changed("timers", "gone", state="scheduled")),
    ("every_timer_ends", lambda run: replace(run, timers={})),
    (
        "a_lease_is_exclusive",
        also("writes", Write("expiration.timers", "gone", {"leaseUntil": NOON + LEASE * 1.5})),
    ),
    (
        "what_was_confirmed_is_there",
        also("answers", answered("POST", "/api/orders", 201, {}, {"id": "lost"})),
    ),
    (
        "what_was_confirmed_is_there",
        also("answers", answered("POST", "/api/tickets", 201, {}, {"id": "lost"})),
    ),
    (
        "what_was_confirmed_is_there",
        also("answers", answered("DELETE", "/api/orders/paid", 204, {}, {})),
    ),
    (
        "what_was_confirmed_is_there",
        also(
            "answers",
            answered(
                "PUT",
                "/api/tickets/ticket",
                200,
                {"title": "Concert", "price": "5.00"},
                {"id": "ticket", "version": 2},
            ),
        ),
    ),
    (
        "what_was_confirmed_is_there",
        also("answers", answered("POST", "/api/payments", 201, {"orderId": "paid"}, FORGOTTEN)),
    ),
    ("what_was_paid_is_settled", changed("orders", "paid", status="created")),
    (
        "what_was_paid_is_settled",
        also("answers", answered("POST", "/api/payments", 402, {"orderId": "paid"}, {})),
    ),
    ("what_was_paid_is_settled", changed("orders", "paid", cancelReason="payment_failed")),
    ("complete_stays_complete", also("answers", shown("/api/orders/gone", "complete", 1))),
    ("a_ticket_is_complete_once", also("answers", shown("/api/orders/gone", "complete", 1))),
    (
        "reads_are_monotonic",
        also("answers", PAID_WAS_COMPLETE, shown("/api/orders/paid", "awaiting:payment", 1)),
    ),
    ("shown_versions_were_published", also("answers", shown("/api/orders/paid", "complete", 3))),
]


@pytest.mark.parametrize(("rule", "wrong"), WRONGS)
def test_each_violation_is_detected(rule: str, wrong: Wrong) -> None:
    assert rule in {violation.rule for violation in violations(wrong(whole_run()))}


def test_every_invariant_was_seen_to_notice_something() -> None:
    assert {rule for rule, _ in WRONGS} == {rule.__name__ for rule in INVARIANTS}
