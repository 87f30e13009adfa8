"""The topology of the bus, declared once: streams, durable consumers, what each delivers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nats.js.api import ConsumerConfig, StreamConfig

from common.contracts.subjects import Subject
from common.contracts.subscriptions import SUBSCRIPTIONS
from common.messaging.delivery import replays_to
from common.messaging.streams import DEAD_LETTERS, STREAM

SUBJECTS = {
    STREAM: [*(subject.value for subject in Subject), replays_to("*")],
    DEAD_LETTERS: ["dead-letters.>"],
}
RETENTION_SECONDS = {STREAM: 7 * 24 * 3600, DEAD_LETTERS: 0}
"""The retention of messages; a dead letter (0) is kept until an operator decides about it."""

ACK_WAIT_SECONDS = 9
"""After this time, messages in flight at a dead replica are redelivered to another one. A live one
that needs longer reports progress (see `consumer`)."""

MAX_ACK_PENDING = 20_000
"""How many messages of a service may be in flight, queued ones included (see `keyed_queue`)."""


@dataclass(frozen=True)
class Topology:
    """The declared streams, and the consumers of the stream of events."""

    streams: tuple[StreamConfig, ...]
    consumers: tuple[ConsumerConfig, ...]

    @classmethod
    def of(
        cls, replicas: int, subscriptions: Mapping[str, Iterable[Subject]] = SUBSCRIPTIONS
    ) -> "Topology":
        """Streams with so many replicas, and one durable consumer for each subscribing service."""
        return cls(
            tuple(_stream(name, replicas) for name in SUBJECTS),
            tuple(_consumer(service, heard) for service, heard in subscriptions.items()),
        )


def _stream(name: str, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=name, subjects=SUBJECTS[name], num_replicas=replicas, max_age=RETENTION_SECONDS[name]
    )


def _consumer(service: str, heard: Iterable[Subject]) -> ConsumerConfig:
    return ConsumerConfig(
        name=service,
        durable_name=service,
        filter_subjects=sorted([*(each.value for each in heard), replays_to(service)]),
        ack_wait=ACK_WAIT_SECONDS,
        max_ack_pending=MAX_ACK_PENDING,
        max_deliver=-1,
    )
