"""Every value that services say to each other, pinned: what is here may only grow."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from common.contracts.events import (
    EVENTS,
    Event,
    ExpirationComplete,
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderedTicket,
    PaymentCreated,
    PaymentFailed,
    TicketCreated,
    TicketUpdated,
    wire_time,
)
from common.contracts.json import parse_json
from common.contracts.money import Price
from common.contracts.order_status import (
    ORDER_STATUS_VERSION,
    SAGA_TRANSITIONS,
    CancelReason,
    OrderStatus,
)
from common.contracts.subjects import Subject
from common.contracts.ticket_status import TicketStatus

TICKET, ORDER, PAYMENT = "a" * 24, "b" * 24, "c" * 24
ORDERED = OrderedTicket(id=TICKET, title="Concert", price=Price(1999))
NOON = datetime(2026, 5, 1, 12, 0, 0, 5_000, UTC)

_TICKET_JSON = f'"id":"{TICKET}","version":%d,"title":"Concert","price":%s,"userId":"seller"'
_ORDER_JSON = (
    f'"id":"{ORDER}","version":%d,"status":"%s","userId":"buyer",'
    '"expiresAt":"2026-05-01T12:00:00.005Z",'
    f'"ticket":{{"id":"{TICKET}","title":"Concert","price":19.99}}'
)
_ORDER = {"id": ORDER, "user_id": "buyer", "expires_at": NOON, "ticket": ORDERED}

# One of each kind, and the ones that have a field more.
GOLDEN: list[tuple[Event, str]] = [
    (
        TicketCreated(id=TICKET, version=0, title="Concert", price=Price(2000), user_id="seller"),
        "{" + _TICKET_JSON % (0, "20") + "}",
    ),
    (
        TicketUpdated(id=TICKET, version=1, title="Concert", price=Price(1950), user_id="seller"),
        "{" + _TICKET_JSON % (1, "19.5") + "}",
    ),
    (
        TicketUpdated(
            id=TICKET,
            version=2,
            title="Concert",
            price=Price(1999),
            user_id="seller",
            order_id=ORDER,
        ),
        "{" + _TICKET_JSON % (2, "19.99") + f',"orderId":"{ORDER}"' + "}",
    ),
    (
        TicketUpdated(
            id=TICKET,
            version=3,
            title="Concert",
            price=Price(1999),
            user_id="seller",
            order_id=ORDER,
            sold=True,
        ),
        "{" + _TICKET_JSON % (3, "19.99") + f',"orderId":"{ORDER}","sold":true' + "}",
    ),
    (
        OrderCreated.model_validate({**_ORDER, "version": 0, "status": "created"}),
        "{" + _ORDER_JSON % (0, "created") + "}",
    ),
    (
        OrderAwaitingPayment.model_validate({**_ORDER, "version": 1, "status": "awaiting:payment"}),
        "{" + _ORDER_JSON % (1, "awaiting:payment") + "}",
    ),
    (
        OrderCompleted.model_validate({**_ORDER, "version": 2, "status": "complete"}),
        "{" + _ORDER_JSON % (2, "complete") + "}",
    ),
    (
        OrderCancelled.model_validate(
            {**_ORDER, "version": 2, "status": "cancelled", "cancel_reason": "expired"}
        ),
        "{" + _ORDER_JSON % (2, "cancelled") + ',"cancelReason":"expired"' + "}",
    ),
    (ExpirationComplete(order_id=ORDER), f'{{"orderId":"{ORDER}"}}'),
    (
        PaymentCreated(order_id=ORDER, id=PAYMENT, stripe_id="pi_1"),
        f'{{"orderId":"{ORDER}","id":"{PAYMENT}","stripeId":"pi_1"}}',
    ),
    (
        PaymentFailed(order_id=ORDER, id=PAYMENT, reason="declined"),
        f'{{"orderId":"{ORDER}","id":"{PAYMENT}","reason":"declined"}}',
    ),
]


def test_subjects_stay_what_they_are() -> None:
    assert {subject.name: subject.value for subject in Subject} == {
        "TICKET_CREATED": "ticket:created",
        "TICKET_UPDATED": "ticket:updated",
        "ORDER_CREATED": "order:created",
        "ORDER_AWAITING_PAYMENT": "order:awaiting-payment",
        "ORDER_COMPLETED": "order:completed",
        "ORDER_CANCELLED": "order:cancelled",
        "EXPIRATION_COMPLETE": "expiration:complete",
        "PAYMENT_CREATED": "payment:created",
        "PAYMENT_FAILED": "payment:failed",
    }


def test_order_statuses_stay_what_they_are() -> None:
    assert ORDER_STATUS_VERSION == 1
    assert [status.value for status in OrderStatus] == [
        "created",
        "awaiting:payment",
        "complete",
        "cancelled",
    ]
    assert [reason.value for reason in CancelReason] == ["buyer", "expired", "payment_failed"]


def test_ticket_statuses_stay_what_they_are() -> None:
    assert [status.value for status in TicketStatus] == ["free", "held", "sold"]


def test_orders_move_in_these_steps_only() -> None:
    steps = {
        (here.value, there.value) for here in SAGA_TRANSITIONS for there in SAGA_TRANSITIONS[here]
    }
    assert steps == {
        ("created", "awaiting:payment"),
        ("created", "complete"),
        ("created", "cancelled"),
        ("awaiting:payment", "complete"),
        ("awaiting:payment", "cancelled"),
    }
    assert all((a, b) in steps for a in OrderStatus for b in OrderStatus if a.may_become(b))
    assert [status for status in OrderStatus if status.is_final] == ["complete", "cancelled"]


def test_every_subject_has_its_event() -> None:
    assert list(EVENTS) == list(Subject)
    assert {type(event) for event, _ in GOLDEN} == set(EVENTS.values())
    assert all(EVENTS[kind.subject] is kind for kind in EVENTS.values())
    assert {kind.schema_version for kind in EVENTS.values()} == {1}


@pytest.mark.parametrize(("event", "text"), GOLDEN)
def test_an_event_is_exactly_this_json(event: Event, text: str) -> None:
    assert event.to_json() == text
    assert type(event).model_validate(parse_json(text)) == event


@pytest.mark.parametrize(("event", "text"), GOLDEN)
def test_fields_of_tomorrow_are_ignored(event: Event, text: str) -> None:
    tomorrow = text.replace("{", '{"colour":{"of":["tomorrow"]},')
    assert type(event).model_validate(parse_json(tomorrow)) == event


@pytest.mark.parametrize(("event", "text"), GOLDEN)
def test_a_missing_field_is_refused(event: Event, text: str) -> None:
    body = parse_json(text)
    assert isinstance(body, dict)
    fields = type(event).model_fields.values()
    required = [str(field.alias) for field in fields if field.is_required()]
    assert set(body) - set(required) <= {"orderId", "sold", "cancelReason"}
    for name in required:
        with pytest.raises(ValidationError, match=name):
            type(event).model_validate({key: body[key] for key in body if key != name})


@pytest.mark.parametrize("event", [event for event, _ in GOLDEN])
def test_an_event_knows_whose_it_is(event: Event) -> None:
    of_ticket = isinstance(event, TicketCreated | TicketUpdated)
    assert event.aggregate_id == (TICKET if of_ticket else ORDER)


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.astimezone(timezone(timedelta(hours=2))), NOON + timedelta(microseconds=999)],
)
def test_times_have_milliseconds_and_z(moment: datetime) -> None:
    assert wire_time(moment) == "2026-05-01T12:00:00.005Z"
    assert wire_time(moment.replace(microsecond=0)) == "2026-05-01T12:00:00.000Z"
