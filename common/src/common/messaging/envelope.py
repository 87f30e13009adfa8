"""How an event travels: CloudEvents headers in binary mode, a message id and a trace."""

import secrets

from common.aggregates import Announcement
from common.contracts.events import EVENTS, Event
from common.contracts.json import MalformedJson, parse_json
from common.contracts.subjects import Subject
from common.messaging.delivery import Delivery

SCHEMA_VERSION = "ce-schemaversion"


class Unreadable(Exception):
    """A message that no later delivery will make readable."""


def headers_of(announcement: Announcement, source: str, *, again: str = "") -> dict[str, str]:
    """The headers of an announcement (CloudEvents 1.0.2, NATS binding; W3C Trace Context).

    `again` is different for each repetition that the bus must not take for a copy of the first.
    """
    message_id = f"{announcement.message_id}:{again}" if again else announcement.message_id
    headers = {
        "Nats-Msg-Id": message_id,
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": message_id,
        "ce-source": f"/{source}",
        "ce-type": announcement.subject,
        "ce-subject": announcement.aggregate_id,
        "ce-time": announcement.time,
        SCHEMA_VERSION: str(announcement.schema_version),
    }
    if announcement.trace_id:
        headers["traceparent"] = f"00-{announcement.trace_id}-{secrets.token_hex(8)}-01"
    return headers


def event_of(delivery: Delivery) -> Event:
    """The event that a message carries; raises Unreadable."""
    try:
        model = EVENTS[Subject(delivery.subject)]
        if int(delivery.headers.get(SCHEMA_VERSION, 1)) > model.schema_version:
            raise Unreadable(f"schema version {delivery.headers[SCHEMA_VERSION]} is not known")
        return model.model_validate(parse_json(delivery.body))
    except (MalformedJson, ValueError) as error:
        raise Unreadable(str(error)) from error


def trace_of(delivery: Delivery) -> str:
    """The trace that the message belongs to; empty when it has none."""
    parts = delivery.headers.get("traceparent", "").split("-")
    return parts[1] if len(parts) == 4 else ""
