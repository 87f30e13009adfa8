"""Events as CloudEvents in binary mode, with a message id and a trace context."""

from common import tracing
from common.aggregate_store import OutboxEntry
from common.contracts.events import EVENTS, Event
from common.contracts.json import MalformedJson, parse_json
from common.contracts.subjects import Subject
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery
from common.tracing import Span, SpanKind

SCHEMA_VERSION = "ce-schemaversion"
TRACE = "traceparent"
NATS = {"messaging.system": "nats"}


class UndecodableMessage(Exception):
    """A message that cannot be decoded, however often it is delivered."""


async def publish(bus: Bus, entry: OutboxEntry, source: str, *, dedup_suffix: str = "") -> None:
    """Publish an outbox entry; raises Unavailable when it is not known to be stored.

    `dedup_suffix` makes the message id differ from that of an earlier publication, so that the bus
    does not drop it as a duplicate.
    """
    name = f"send {entry.subject}"
    with tracing.start_span(SpanKind.PRODUCER, name, entry.traceparent) as span:
        span.record({**NATS, "messaging.destination.name": entry.subject})
        headers = encode_headers(entry, source, dedup_suffix=dedup_suffix) | {
            TRACE: span.traceparent
        }
        await bus.publish(entry.subject, entry.body.encode(), headers)


def encode_headers(entry: OutboxEntry, source: str, *, dedup_suffix: str = "") -> dict[str, str]:
    """The headers of an outbox entry (CloudEvents 1.0.2, NATS binding; W3C Trace Context)."""
    message_id = f"{entry.message_id}:{dedup_suffix}" if dedup_suffix else entry.message_id
    trace = {TRACE: entry.traceparent} if entry.traceparent else {}
    return trace | {
        "Nats-Msg-Id": message_id,
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": message_id,
        "ce-source": f"/{source}",
        "ce-type": entry.subject,
        "ce-subject": entry.aggregate_id,
        "ce-time": entry.time,
        SCHEMA_VERSION: str(entry.schema_version),
    }


def decode(delivery: Delivery) -> Event:
    """The event in a message; raises UndecodableMessage."""
    try:
        model = EVENTS[Subject(delivery.subject)]
        if int(delivery.headers.get(SCHEMA_VERSION, 1)) > model.schema_version:
            raise UndecodableMessage(
                f"schema version {delivery.headers[SCHEMA_VERSION]} is not known"
            )
        return model.model_validate(parse_json(delivery.body))
    except (MalformedJson, ValueError) as error:
        raise UndecodableMessage(str(error)) from error


def consumer_span(delivery: Delivery) -> Span:
    """The span of handling a message, in the trace in which it was published."""
    parent = tracing.parse_traceparent(delivery.headers.get(TRACE, ""))
    return tracing.start_span(SpanKind.CONSUMER, f"process {delivery.subject}", parent)
