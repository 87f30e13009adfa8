"""What is kept on the bus: the streams, the durable consumers of services, the stored messages."""

import base64
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    ConsumerConfig,
    RawStreamMsg,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from common.contracts.subjects import Subject
from common.errors import Unavailable
from common.messaging.delivery import replays_to
from common.messaging.stored import StoredMessage, headers_in

STREAM = "ticketing"
DEAD_LETTERS = "ticketing-dead-letters"
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

STREAM_NOT_FOUND = 10059  # https://github.com/nats-io/nats-server/blob/main/server/errors.json


class StreamMissing(Unavailable):
    """Nobody has made the stream yet, or somebody deleted it."""


@contextmanager
def translated(stream: str) -> Iterator[None]:
    """Not found stays what it is: the caller knows what was asked for."""
    try:
        yield
    except NotFoundError as error:
        if error.err_code == STREAM_NOT_FOUND:
            raise StreamMissing(f"NATS has no stream {stream}") from error
        raise
    except (NatsError, OSError, TimeoutError) as error:
        raise Unavailable("NATS does not answer") from error


class Streams:
    """What the server keeps; each method that asks it raises Unavailable when it is silent.

    `replicas` is how many copies of each stream there are to be.
    """

    def __init__(self, jetstream: JetStreamContext, replicas: int) -> None:
        self._jetstream, self._replicas = jetstream, replicas

    async def ensure(self) -> None:
        """Make both streams exist, with what they need to have."""
        for name in SUBJECTS:
            with translated(name):
                await self._ensure(name)

    async def _ensure(self, name: str) -> None:
        """Add the stream, or add what it lacks; never take subjects away that others still use."""
        subjects, kept = SUBJECTS[name], KEPT_SECONDS[name]
        wanted = StreamConfig(
            name=name, subjects=subjects, num_replicas=self._replicas, max_age=kept
        )
        try:
            existing = (await self._jetstream.stream_info(name)).config
        except NotFoundError:
            await self._jetstream.add_stream(wanted)
            return
        known = set(existing.subjects or [])
        facts = (known.issuperset(subjects), existing.num_replicas, existing.max_age or 0)
        if facts != (True, self._replicas, kept):
            wanted.subjects = sorted(known.union(subjects))
            await self._jetstream.update_stream(wanted)

    async def ensure_consumer(self, service: str, subjects: Iterable[str]) -> None:
        """Create or update the durable consumer that all replicas of a service share."""
        with translated(STREAM):
            await self._jetstream.add_consumer(
                STREAM,
                ConsumerConfig(
                    name=service,
                    durable_name=service,
                    filter_subjects=sorted([*subjects, replays_to(service)]),
                    ack_wait=ACK_WAIT_SECONDS,
                    max_ack_pending=MAX_ACK_PENDING,
                    max_deliver=-1,
                ),
            )

    async def requests_of(self, service: str) -> int | None:
        """How many requests for messages of a service wait: 0 when it does not run now.

        None when it has never listened, or not to replays.
        """
        with translated(STREAM):
            try:
                consumer = await self._jetstream.consumer_info(STREAM, service)
            except NotFoundError as error:
                if error.err_code == STREAM_NOT_FOUND:
                    raise
                return None
        hears_replays = replays_to(service) in (consumer.config.filter_subjects or [])
        return (consumer.num_waiting or 0) if hears_replays else None

    async def backlog_of(self, service: str) -> tuple[int, int]:
        """How many messages a service has not been given yet, and how many not acknowledged.

        Raises StreamMissing while nothing is prepared for it.
        """
        with translated(STREAM):
            try:
                consumer = await self._jetstream.consumer_info(STREAM, service)
            except NotFoundError as error:
                raise StreamMissing(f"NATS has no consumer {service}") from error
        return consumer.num_pending or 0, consumer.num_ack_pending or 0

    async def count(self, stream: str, subject: str) -> int:
        """How many messages of a subject a stream holds."""
        with translated(stream):
            found = await self._jetstream.stream_info(stream, subjects_filter=subject)
        return sum((found.state.subjects or {}).values())

    async def messages(self, stream: str, subject: str) -> AsyncIterator[StoredMessage]:
        """All messages of a subject (which may have wildcards) that are there now, oldest first."""
        with translated(stream):
            last = (await self._jetstream.stream_info(stream)).state.last_seq
        number = 0
        while message := await self._get(stream, number + 1, subject):
            number = message.number
            if number > last:
                return
            yield message

    async def message(self, stream: str, number: int) -> StoredMessage | None:
        """One message by its number."""
        return await self._get(stream, number)

    async def _get(
        self, stream: str, number: int, subject: str | None = None
    ) -> StoredMessage | None:
        """The message of that number; with a subject the first one from there on."""
        with translated(stream):
            try:
                found = await self._jetstream.get_msg(
                    stream, number, subject=subject, next=subject is not None
                )
            except NotFoundError as error:
                if error.err_code == STREAM_NOT_FOUND:
                    raise
                return None
        return _stored(found)

    async def delete(self, stream: str, number: int) -> None:
        """Forget one message; it may be gone already."""
        if await self.message(stream, number):
            with translated(stream):
                await self._jetstream.delete_msg(stream, number)


def _stored(message: RawStreamMsg) -> StoredMessage:
    return StoredMessage(
        number=message.seq or 0,
        subject=message.subject or "",
        body=message.data or b"",
        headers=headers_in(base64.b64decode(message.hdrs or b"")),
    )
