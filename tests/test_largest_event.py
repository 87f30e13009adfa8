"""No event is larger than what the bus is warned about."""

from datetime import UTC, datetime

import pytest

from common.aggregate_store import OutboxEntry
from common.contracts.events import EVENTS, Event, OrderedTicket
from common.contracts.ids import new_id
from common.contracts.money import Price
from common.contracts.order_status import CancelReason, OrderStatus
from common.messaging.cloudevents import encode_headers
from common.messaging.refusals import LARGEST_EVENT_BYTES, size_of
from tickets.schemas import TicketIn

LONGEST_TITLE = TicketIn.model_validate({"title": "x" + "\0" * 198 + "x", "price": 1}).title
"""With the characters that take the most room in JSON."""

FIELDS: dict[str, object] = {
    "id": new_id(),
    "order_id": new_id(),
    "user_id": new_id(),
    "version": 10**9,
    "title": LONGEST_TITLE,
    "price": Price(99_999_999),
    "sold": True,
    "snapshot": True,
    "status": OrderStatus.AWAITING_PAYMENT,
    "expires_at": datetime.now(UTC),
    "ticket": OrderedTicket(id=new_id(), title=LONGEST_TITLE, price=Price(99_999_999)),
    "cancel_reason": max(CancelReason, key=len),
    "stripe_id": "p" * 255,
    "reason": "r" * 255,
}


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_no_event_is_larger_than_the_largest(kind: type[Event]) -> None:
    event = kind.model_validate({name: FIELDS[name] for name in kind.model_fields})
    entry = OutboxEntry.of(event, 10**9)
    headers = encode_headers(entry, "expiration", dedup_suffix=f"snapshot:{new_id()}")
    headers["traceparent"] = "0" * 55
    assert size_of(entry.body.encode(), headers) < LARGEST_EVENT_BYTES
