"""The topology of the bus, declared once: the streams, the durable consumers, what each delivers.

Two versions of the system may run side by side, so a declaration adds what is missing and never
takes away what another version needs, unless a person says that it has gone (`Scope.EXACT`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError

from common.contracts.subjects import Subject
from common.contracts.subscriptions import SUBSCRIPTIONS
from common.messaging.connection import Connection
from common.messaging.delivery import replays_to
from common.messaging.nats_errors import StreamMissing
from common.messaging.streams import DEAD_LETTERS, STREAM

SUBJECTS = {
    STREAM: [*(subject.value for subject in Subject), replays_to("*")],
    DEAD_LETTERS: ["dead-letters.>"],
}
KEPT_SECONDS = {STREAM: 7 * 24 * 3600, DEAD_LETTERS: 0}
"""How long a message is kept; a dead letter (0) until a person has decided what becomes of it."""

ACK_WAIT_SECONDS = 9
"""After this time, what a replica that died had in hand is delivered to another one. Whoever lives
and needs longer says so (see `consumer`)."""

MAX_ACK_PENDING = 20_000
"""What all replicas of a service may hold, parked messages included (see `lanes`)."""


LIMITS = ("ack_wait", "max_ack_pending", "max_deliver")


class Scope(Enum):
    """How far a declaration goes."""

    MISSING = auto()
    """Add streams, consumers and subjects that are not there; touch nothing else."""
    DECLARED = auto()
    """Also set limits and copies to what is declared."""
    EXACT = auto()
    """Also take away subjects that are not declared any more."""


@dataclass(frozen=True)
class Topology:
    """All that is declared; the consumers are those of the one stream of events."""

    streams: tuple[StreamConfig, ...]
    consumers: tuple[ConsumerConfig, ...]

    @classmethod
    def of(
        cls, replicas: int, subscriptions: Mapping[str, Iterable[Subject]] = SUBSCRIPTIONS
    ) -> "Topology":
        """Streams of so many copies, and one durable consumer for each service that subscribes."""
        return cls(
            tuple(_stream(name, replicas) for name in SUBJECTS),
            tuple(_consumer(service, heard) for service, heard in subscriptions.items()),
        )


@dataclass(frozen=True)
class Change:
    """One difference between what is declared and what is there, and how to end it."""

    text: str
    make: Callable[[], Awaitable[object]]


async def changes(
    connection: Connection, wanted: Topology, scope: Scope = Scope.DECLARED
) -> AsyncIterator[Change]:
    """What has to change, one after the other; raises Unavailable.

    Whoever makes each before asking for the next has made all of them. A stream takes a new subject
    after its consumers ask for it: what was stored before that, a busy consumer would pass over.
    """
    there = [(stream, await _stream_there(connection, stream)) for stream in wanted.streams]
    for stream, config in there:
        if config is None:
            adding = partial(connection.jetstream.add_stream, stream)
            yield Change(f"add stream {stream.name}", adding)
    for consumer in wanted.consumers:
        if change := await _change_of_consumer(connection, consumer, scope):
            yield change
    for stream, config in there:
        if config and (change := _change_of_stream(connection, config, stream, scope)):
            yield change


async def make(change: Change, connection: Connection) -> None:
    """Make one change; raises Unavailable."""
    with connection.errors(STREAM):
        await change.make()


async def _stream_there(connection: Connection, wanted: StreamConfig) -> StreamConfig | None:
    name = wanted.name or ""
    try:
        with connection.errors(name):
            return (await connection.jetstream.stream_info(name)).config
    except StreamMissing:
        return None


def _change_of_stream(
    connection: Connection, there: StreamConfig, wanted: StreamConfig, scope: Scope
) -> Change | None:
    fields = {"subjects": _together(there.subjects, wanted.subjects, scope)}
    limits = {"num_replicas": wanted.num_replicas, "max_age": wanted.max_age}
    differing = _differing(there, fields if scope is Scope.MISSING else fields | limits)
    change = partial(connection.jetstream.update_stream, there.evolve(**differing))
    return Change(f"update stream {wanted.name}: {_told(differing)}", change) if differing else None


async def _change_of_consumer(
    connection: Connection, wanted: ConsumerConfig, scope: Scope
) -> Change | None:
    jetstream, name = connection.jetstream, wanted.name or ""
    try:
        with connection.errors(STREAM):
            there = (await jetstream.consumer_info(STREAM, name)).config
    except (StreamMissing, NotFoundError):
        return Change(f"add consumer {name}", partial(jetstream.add_consumer, STREAM, wanted))
    heard = there.filter_subjects or ([there.filter_subject] if there.filter_subject else [])
    fields = {"filter_subjects": _together(heard, wanted.filter_subjects, scope)}
    limits = {
        name: getattr(wanted, name) for name in ("ack_wait", "max_ack_pending", "max_deliver")
    }
    differing = _differing(there, fields if scope is Scope.MISSING else fields | limits)
    target = there.evolve(**{"name": name, "filter_subject": None, **differing})
    change = partial(jetstream.add_consumer, STREAM, target)
    return Change(f"update consumer {name}: {_told(differing)}", change) if differing else None


def _together(there: Iterable[str] | None, wanted: Iterable[str] | None, scope: Scope) -> list[str]:
    """The subjects afterwards: never fewer, unless a person says so."""
    kept = set() if scope is Scope.EXACT else set(there or [])
    return sorted(kept.union(wanted or []))


def _differing(there: StreamConfig | ConsumerConfig, fields: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: getattr(there, name) for name in fields}
    return {name: it for name, it in fields.items() if _plain(known[name]) != _plain(it)}


def _plain(value: Any) -> Any:
    """NATS leaves out what is 0 or empty, and keeps lists in an order of its own."""
    return sorted(value) if isinstance(value, list) else value or 0


def _told(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())


def _stream(name: str, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=name, subjects=SUBJECTS[name], num_replicas=replicas, max_age=KEPT_SECONDS[name]
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
