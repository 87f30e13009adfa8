"""The changes that bring streams and consumers to the declared topology.

Two versions of the system may run side by side, so a declaration adds what is missing and never
takes away what another version needs, unless an operator requests it (`Scope.EXACT`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError

from common.errors import Unavailable
from common.messaging.connection import Connection
from common.messaging.nats_errors import StreamMissing, describe
from common.messaging.streams import STREAM
from common.messaging.topology import Topology

Fields = Mapping[str, Any]
"""Options of a stream or a consumer."""

LIMITS = ("ack_wait", "max_ack_pending", "max_deliver")
FIXED = ("ack_policy", "deliver_policy", "deliver_subject", "replay_policy")
"""What NATS does not change in an existing consumer: it is used as it is."""


class Scope(Enum):
    """How far a declaration goes."""

    MISSING = auto()
    """Add streams, consumers and subjects that are not there; touch nothing else."""
    DECLARED = auto()
    """Also set limits and copies to what is declared."""
    EXACT = auto()
    """Also take away subjects that are not declared any more."""


@dataclass(frozen=True)
class Change:
    """One difference between the declaration and the server, and how to apply it.

    Changes that are not `is_needed` may be refused by NATS.
    """

    text: str
    make: Callable[[], Awaitable[object]]
    is_needed: bool = True


async def changes(
    connection: Connection, wanted: Topology, scope: Scope = Scope.DECLARED
) -> AsyncIterator[Change]:
    """The changes, one after the other; raises Unavailable.

    Each is to be made before the next one is requested. A stream takes a new subject
    after its consumers ask for it: what was stored before that, a busy consumer would pass over.
    What differs in one thing is changed by itself, so that NATS may refuse it and take the rest.
    """
    there = [(stream, await _stream_there(connection, stream)) for stream in wanted.streams]
    for stream, config in there:
        if config is None:
            adding = partial(connection.jetstream.add_stream, stream)
            yield Change(f"add stream {stream.name}", adding)
    for consumer in wanted.consumers:
        for change in await _changes_of_consumer(connection, consumer, scope):
            yield change
    for stream, config in there:
        for change in _changes_of_stream(connection, config, stream, scope) if config else ():
            yield change


async def make(change: Change, connection: Connection) -> None:
    """Make one change; raises Unavailable."""
    try:
        with connection.errors(STREAM):
            await change.make()
    except NotFoundError as error:
        raise Unavailable(f"somebody deleted it: {describe(error)}") from error


async def _stream_there(connection: Connection, wanted: StreamConfig) -> StreamConfig | None:
    name = wanted.name or ""
    try:
        with connection.errors(name):
            return (await connection.jetstream.stream_info(name)).config
    except StreamMissing:
        return None


def _changes_of_stream(
    connection: Connection, there: StreamConfig, wanted: StreamConfig, scope: Scope
) -> Iterator[Change]:
    jetstream, name = connection.jetstream, wanted.name or ""

    async def update(fields: Fields) -> None:
        config = (await jetstream.stream_info(name)).config
        await jetstream.update_stream(config.evolve(**fields))

    subjects = _merged(there.subjects, wanted.subjects, scope)
    limits = () if scope is Scope.MISSING else ("num_replicas", "max_age")
    for fields in [{"subjects": subjects}, *_one_by_one(wanted, limits)]:
        if differing := _differing(there, fields):
            text = f"update stream {name}: {_format(differing)}"
            yield Change(text, partial(update, differing))


async def _changes_of_consumer(
    connection: Connection, wanted: ConsumerConfig, scope: Scope
) -> list[Change]:
    name, put = wanted.name or "", partial(connection.client.put_consumer, STREAM)
    there = await _consumer_there(connection, name)
    if there is None:
        return [Change(f"add consumer {name}", partial(put, wanted, "create"))]

    async def update(fields: Fields) -> None:
        config = (await connection.jetstream.consumer_info(STREAM, name)).config
        await put(config.evolve(**{"name": name, **fields}), "update")

    heard = there.filter_subjects or ([there.filter_subject] if there.filter_subject else [])
    subjects = _merged(heard, wanted.filter_subjects, scope)
    limits, fixed = ((), ()) if scope is Scope.MISSING else (LIMITS, FIXED)
    options = [
        {"filter_subjects": subjects, "filter_subject": None},
        *_one_by_one(wanted, (*limits, *fixed)),
    ]
    return [
        Change(text, partial(update, differing), is_needed=differing.keys().isdisjoint(fixed))
        for fields in options
        if (differing := _differing(there, fields))
        and (text := f"update consumer {name}: {_format(differing)}")
    ]


async def _consumer_there(connection: Connection, name: str) -> ConsumerConfig | None:
    try:
        with connection.errors(STREAM):
            found: ConsumerConfig = (await connection.jetstream.consumer_info(STREAM, name)).config
    except (StreamMissing, NotFoundError):
        return None
    return found


def _one_by_one(wanted: StreamConfig | ConsumerConfig, names: Iterable[str]) -> list[Fields]:
    return [{name: getattr(wanted, name)} for name in names]


def _merged(there: Iterable[str] | None, wanted: Iterable[str] | None, scope: Scope) -> list[str]:
    """The subjects afterwards: never fewer, unless an operator requests it."""
    kept = set() if scope is Scope.EXACT else set(there or [])
    return sorted(kept.union(wanted or []))


def _differing(there: StreamConfig | ConsumerConfig, fields: Fields) -> dict[str, Any]:
    known = {name: getattr(there, name) for name in fields}
    return {name: it for name, it in fields.items() if _normalized(known[name]) != _normalized(it)}


def _normalized(value: Any) -> Any:
    """NATS leaves out what is 0 or empty, and keeps lists in an order of its own."""
    return sorted(value) if isinstance(value, list) else value or 0


def _format(fields: Fields) -> str:
    plain = {name: getattr(value, "value", value) for name, value in fields.items()}
    return ", ".join(f"{name} {value}" for name, value in plain.items())
