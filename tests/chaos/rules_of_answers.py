"""Answers: what people were told is still true."""

from collections.abc import Iterator
from decimal import Decimal

from tests.chaos.history import Answer
from tests.chaos.observations import Observations


def what_was_confirmed_is_there(observed: Observations) -> Iterator[tuple[str, str]]:
    """Tickets, orders and payments exist, edits were made, cancelled orders are cancelled."""
    for answer in observed.answers:
        entity = answer.body.get("id") or answer.path.rpartition("/")[2]
        match answer.method, answer.path, answer.status:
            case "POST", "/api/tickets", 201:
                yield from _known(entity, observed.tickets)
            case "POST", "/api/orders", 201:
                yield from _known(entity, observed.orders)
            case "POST", "/api/payments", 200 | 201:
                yield from _paid(answer, observed)
            case "PUT", _, 200:
                yield from _edited(answer, observed)
            case "DELETE", _, 204:
                order = observed.orders.get(entity, {})
                if order.get("status") != "cancelled":
                    yield entity, f"was cancelled for its buyer, and is {order.get('status')}"


def what_was_paid_is_settled(observed: Observations) -> Iterator[tuple[str, str]]:
    """Who was told "paid" has the ticket, or the order was cancelled; "declined" cancels it."""
    for answer in observed.answers:
        if (answer.method, answer.path) != ("POST", "/api/payments"):
            continue
        order_id = answer.sent["orderId"]
        order = observed.orders.get(order_id, {})
        if answer.status in {200, 201} and order.get("status") not in {"complete", "cancelled"}:
            yield order_id, f"was paid, and is {order.get('status')}"
        if answer.status in {200, 201} and order.get("cancelReason") == "payment_failed":
            yield order_id, "was paid, and cancelled because the payment failed"
        if answer.status == 402 and order.get("status") != "cancelled":
            yield order_id, f"had its card declined, and is {order.get('status')}"


def _known(entity: str, documents: object) -> Iterator[tuple[str, str]]:
    if not isinstance(documents, dict) or entity not in documents:
        yield entity, "was confirmed, and is gone"


def _paid(answer: Answer, observed: Observations) -> Iterator[tuple[str, str]]:
    order_id, payment_id = answer.body["orderId"], answer.body["id"]
    payment = observed.checkouts.get(order_id, {}).get("payment") or {}
    if payment.get("id") != payment_id:
        yield order_id, f"was paid by {payment_id}, and its payment is {payment.get('id')}"


def _edited(answer: Answer, observed: Observations) -> Iterator[tuple[str, str]]:
    entity, version = answer.body["id"], answer.body["version"]
    told = next(
        (m.body for m in observed.messages if m.entity == entity and m.version == version), None
    )
    wanted = (answer.sent["title"], Decimal(answer.sent["price"]))
    if told is None and not observed.is_whole:
        return
    if told is None or (told["title"], Decimal(str(told["price"]))) != wanted:
        yield entity, f"was edited to {wanted} as version {version}, and says {told}"
