"""Made-up histories: what may be shown to people and said on the stream, and what may not."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.chaos import rules_of_histories, rules_of_money
from tests.chaos.history import NO_ANSWER, Answer
from tests.chaos.invariants import Rule
from tests.chaos.observations import Message, Observations

from common.mongo import Document

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICKET = {"id": "ticket", "title": "Concert", "price": 19.99}
SOLD = TICKET | {"userId": "seller", "orderId": "order"}
HELD = {"orderId": "order", "id": "payment", "stripeId": "pi_1"}
VOIDED = {"orderId": "order", "id": "payment", "reason": "voided"}
COMPLETE = {"_id": "order", "status": "complete", "ticket": {"id": "ticket", "priceCents": 1999}}


def answer(
    asked: float, answered: float, method: str, path: str, status: int, body: Document
) -> Answer:
    """A request of the buyer, and what came back, so many seconds after noon."""
    begun, ended = (NOON + timedelta(seconds=seconds) for seconds in (asked, answered))
    return Answer(begun, ended, "buyer", method, path, {}, status, body)


def order(status: str, version: int, **more: object) -> Document:
    """An order of the ticket as its buyer is shown it."""
    return {"id": "order", "status": status, "version": version, "ticket": TICKET, **more}


def sees(moment: float, status: str, version: int, order_id: str = "order") -> Answer:
    """The buyer looks at an order, and is answered within a second."""
    body = order(status, version, id=order_id)
    return answer(moment, moment + 1, "GET", f"/api/orders/{order_id}", 200, body)


def pays(moment: float, status: str) -> Answer:
    """The buyer looks at a payment."""
    body = {"id": "payment", "orderId": "order", "status": status, "price": 19.99}
    return answer(moment, moment + 1, "GET", "/api/payments/order", 200, body)


def watches(moment: float, status: str, version: int) -> Answer:
    """Somebody looks at a ticket."""
    body = SOLD | {"status": status, "version": version}
    return answer(moment, moment + 1, "GET", "/api/tickets/ticket", 200, body)


def lists(moment: float, status: str, version: int) -> Answer:
    """The buyer looks at the list of orders."""
    body = {"items": [order(status, version)]}
    return answer(moment, moment + 1, "GET", "/api/orders?status=all", 200, body)


def misses(moment: float, status: int) -> Answer:
    """The buyer looks at an order, and is shown none."""
    return answer(moment, moment + 1, "GET", "/api/orders/order", status, {"errors": []})


def cancels(moment: float, status: int, until: float = 1) -> Answer:
    """The buyer gives the ticket back."""
    return answer(moment, moment + until, "DELETE", "/api/orders/order", status, {})


def said(subject: str, version: int, body: Document, entity: str = "order") -> Message:
    """A message of the stream."""
    return Message(1, subject, entity, "", body, f"{subject}:{entity}:{version}")


def of_order(subject: str, status: str, version: int, **more: object) -> Message:
    """What the orders service says of the order."""
    return said(subject, version, order(status, version, **more))


def of_ticket(version: int, **more: object) -> Message:
    """What the tickets service says of the ticket."""
    body = TICKET | {"userId": "seller", "version": version} | more
    return said("ticket:updated", version, body, "ticket")


def at_the_end(*answers: Answer, **more: object) -> Observations:
    """The order is complete and has its ticket, whatever people were told before."""
    books = [{"orderId": "order", "captured": 1999, "refunded": 0}]
    observed: Document = {"orders": {"order": COMPLETE}, "tickets": {"ticket": SOLD}}
    return Observations(**observed | {"books": books, "answers": answers} | more)


def offences(rule: Rule, observed: Observations) -> set[str]:
    """Whom the rule names."""
    return {entity for entity, _ in rule(observed)}


GOES_ON: dict[str, list[Answer]] = {
    "a sale": [sees(0, "created", 0), sees(2, "awaiting:payment", 1), sees(4, "complete", 2)],
    "steps that nobody saw": [sees(0, "created", 0), sees(2, "cancelled", 1)],
    "the same again": [sees(0, "complete", 2), lists(2, "complete", 2)],
    "two at once, the later one first": [sees(0, "complete", 2), sees(0.5, "awaiting:payment", 1)],
    "not there yet": [misses(0, 404), sees(2, "created", 0)],
    "no answer in between": [
        sees(0, "awaiting:payment", 1),
        misses(2, NO_ANSWER),
        misses(4, 503),
        sees(6, "complete", 2),
    ],
    "a cancellation": [sees(0, "created", 0), cancels(2, 204), sees(4, "cancelled", 1)],
    "a cancellation twice": [cancels(0, 204), cancels(2, 204)],
    "a cancellation that is under way": [cancels(0, 204, until=5), sees(1, "awaiting:payment", 1)],
    "a cancellation that is not answered": [cancels(0, NO_ANSWER), sees(2, "complete", 2)],
    "a cancellation that is refused": [cancels(0, 409), sees(2, "complete", 2)],
    "a payment": [pays(0, "requires_action"), pays(2, "pending"), pays(4, "authorized")],
    "a capture": [pays(0, "authorized"), pays(2, "captured"), pays(4, "captured")],
    "a release": [pays(0, "authorized"), pays(2, "voided")],
    "a ticket that is freed and sold": [
        watches(0, "held", 1),
        watches(2, "free", 2),
        watches(4, "held", 3),
        watches(6, "sold", 4),
    ],
}

GOES_BACK: dict[str, list[Answer]] = {
    "complete, then not": [sees(0, "complete", 2), sees(2, "awaiting:payment", 1)],
    "complete, then not in the list": [sees(0, "complete", 2), lists(2, "awaiting:payment", 1)],
    "complete, then cancelled": [sees(0, "complete", 2), sees(2, "cancelled", 3)],
    "cancelled, then complete": [sees(0, "cancelled", 1), sees(2, "complete", 2)],
    "back, and there again": [
        sees(0, "awaiting:payment", 1),
        sees(2, "created", 0),
        sees(4, "complete", 2),
    ],
    "another status at the same version": [sees(0, "complete", 1), sees(2, "cancelled", 1)],
    "seen, then not found": [sees(0, "created", 0), misses(2, 404)],
    "a cancellation undone": [cancels(0, 204), sees(2, "awaiting:payment", 1)],
    "a hold that is none": [pays(0, "authorized"), pays(2, "pending")],
    "a capture that is none": [pays(0, "captured"), pays(2, "authorized")],
    "a ticket at an older version": [watches(0, "held", 3), watches(2, "held", 1)],
    "a ticket that is sold, then free": [watches(0, "sold", 2), watches(2, "free", 3)],
}


@pytest.mark.parametrize("answers", GOES_ON.values(), ids=GOES_ON)
def test_a_history_that_goes_on_is_accepted(answers: list[Answer]) -> None:
    rule = rules_of_histories.reads_are_monotonic
    assert offences(rule, at_the_end(*answers)) == set()


@pytest.mark.parametrize("answers", GOES_BACK.values(), ids=GOES_BACK)
def test_a_history_that_goes_back_is_noticed(answers: list[Answer]) -> None:
    rule = rules_of_histories.reads_are_monotonic
    assert offences(rule, at_the_end(*answers)) in ({"order"}, {"ticket"})


def test_each_person_has_a_history_of_their_own() -> None:
    rule = rules_of_histories.reads_are_monotonic
    [before, after] = GOES_BACK["a ticket at an older version"]
    elsewhere = Answer(
        after.asked, after.answered, "seller", "GET", after.path, {}, 200, after.body
    )
    assert offences(rule, at_the_end(before, elsewhere)) == set()


@pytest.mark.parametrize("told", [sees(0, "complete", 2), pays(0, "captured")])
def test_complete_order_keeps_its_ticket(told: Answer) -> None:
    rule = rules_of_histories.complete_stays_complete
    assert offences(rule, at_the_end(told)) == set()
    taken_back = {"order": COMPLETE | {"status": "awaiting:payment"}}
    assert offences(rule, at_the_end(told, orders=taken_back)) == {"order"}
    assert offences(rule, at_the_end(told, orders={})) == {"order"}
    of_another = {"ticket": SOLD | {"orderId": "another"}}
    assert offences(rule, at_the_end(told, tickets=of_another)) == {"order"}


@pytest.mark.parametrize("told", [sees(0, "awaiting:payment", 1), pays(0, "authorized")])
def test_incomplete_order_may_lose_its_ticket(told: Answer) -> None:
    rule = rules_of_histories.complete_stays_complete
    cancelled = {"order": COMPLETE | {"status": "cancelled"}}
    assert offences(rule, at_the_end(told, orders=cancelled)) == set()


def test_second_complete_order_is_detected_even_if_reverted() -> None:
    rule = rules_of_histories.a_ticket_is_complete_once
    seen, told = sees(0, "complete", 2), of_order("order:completed", "complete", 2)
    assert offences(rule, at_the_end(seen, messages=[told])) == set()
    other = sees(0, "complete", 2, order_id="other")
    assert offences(rule, at_the_end(seen, other)) == {"ticket"}
    completed = of_order("order:completed", "complete", 2, id="other")
    assert offences(rule, at_the_end(messages=[completed])) == {"ticket"}
    stored = {"order": COMPLETE, "other": COMPLETE | {"_id": "other"}}
    assert offences(rule, at_the_end(orders=stored)) == {"ticket"}


ONE_CONTENT = {
    "copies": [of_order("order:created", "created", 0)] * 2,
    "versions": [of_ticket(1), of_ticket(2, orderId="order"), of_ticket(3)],
    "a snapshot": [
        of_order("order:completed", "complete", 2),
        of_order("order:created", "complete", 2, snapshot=True),
    ],
    "an order, its timer and its payment": [
        of_order("order:created", "created", 0),
        said("expiration:complete", 0, {"orderId": "order"}),
        said("payment:created", 0, HELD),
    ],
}

TWO_CONTENTS = {
    "two ends": [
        of_order("order:completed", "complete", 2),
        of_order("order:cancelled", "cancelled", 2, cancelReason="buyer"),
    ],
    "two holders": [of_ticket(1, orderId="order"), of_ticket(1, orderId="another")],
    "a hold and an edit": [of_ticket(1, orderId="order"), of_ticket(1, title="Opera")],
    "a snapshot of something else": [
        of_order("order:completed", "complete", 2),
        of_order("order:created", "awaiting:payment", 2, snapshot=True),
    ],
    "two words on a payment": [
        said("payment:created", 3, HELD),
        said("payment:failed", 3, VOIDED),
    ],
}


@pytest.mark.parametrize("messages", ONE_CONTENT.values(), ids=ONE_CONTENT)
def test_a_version_may_be_said_again(messages: list[Message]) -> None:
    rule = rules_of_histories.a_version_has_one_content
    assert offences(rule, at_the_end(messages=messages)) == set()


@pytest.mark.parametrize("messages", TWO_CONTENTS.values(), ids=TWO_CONTENTS)
def test_a_version_with_two_contents_is_noticed(messages: list[Message]) -> None:
    rule = rules_of_histories.a_version_has_one_content
    assert offences(rule, at_the_end(messages=messages)) in ({"order"}, {"ticket"})


def test_shown_versions_match_published_ones() -> None:
    rule = rules_of_histories.shown_versions_were_published
    messages = [
        of_order("order:completed", "complete", 2, expiresAt="noon"),
        of_ticket(4, orderId="order", sold=True),
    ]
    for right in (sees(0, "complete", 2), lists(0, "complete", 2), watches(0, "sold", 4)):
        assert offences(rule, at_the_end(right, pays(2, "captured"), messages=messages)) == set()
    for wrong in (sees(0, "complete", 3), sees(0, "cancelled", 2)):
        assert offences(rule, at_the_end(wrong, messages=messages)) == {"order"}
    for wrong in (watches(0, "held", 4), watches(0, "sold", 5)):
        assert offences(rule, at_the_end(wrong, messages=messages)) == {"ticket"}


def test_events_of_deleted_stream_may_be_shown() -> None:
    rule = rules_of_histories.shown_versions_were_published
    said_again = [of_order("order:created", "complete", 2, snapshot=True)]
    seen = sees(0, "awaiting:payment", 1), sees(2, "complete", 2)
    assert offences(rule, at_the_end(*seen, messages=said_again)) == {"order"}
    assert offences(rule, at_the_end(*seen, messages=said_again, is_whole=False)) == set()
    other = at_the_end(sees(0, "cancelled", 2), messages=said_again, is_whole=False)
    assert offences(rule, other) == {"order"}


def test_captured_money_is_complete_orders() -> None:
    rule = rules_of_money.captured_money_is_complete_orders
    assert offences(rule, at_the_end()) == set()
    held = {"orderId": "another", "captured": 0, "refunded": 0}
    refunded = {"orderId": "third", "captured": 1999, "refunded": 1999}
    [taken] = at_the_end().books
    assert offences(rule, at_the_end(books=[taken, held, refunded])) == set()
    assert offences(rule, at_the_end(books=[taken, taken])) == {"order"}
    assert offences(rule, at_the_end(books=[held])) == {"order"}
    swapped = [taken | {"orderId": "another"}]
    assert offences(rule, at_the_end(books=swapped)) == {"order", "another"}
