"""Streams and durable consumers of JetStream, as services may use them."""

import base64
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from nats.js.api import AckPolicy, ConsumerInfo, DeliverPolicy, RawStreamMsg
from nats.js.errors import NotFoundError

from common.errors import Unavailable
from common.messaging.connection import Connection
from common.messaging.delivery import replays_to
from common.messaging.nats_errors import STREAM_NOT_FOUND
from common.messaging.stored import StoredMessage, headers_in

STREAM = "ticketing"
DEAD_LETTERS = "ticketing-dead-letters"


class TopologyMissing(Unavailable):
    """The stream or consumer has not been declared yet, or was deleted."""


@dataclass(frozen=True)
class Progress:
    """How far a service has consumed the stream, and what the stream still has."""

    stream: str
    """The identity of the stream: another one after it was deleted and created again."""
    first: int
    last: int
    acknowledged: int
    """The acknowledgement floor: everything up to it was acknowledged."""
    is_caught_up: bool
    """Whether everything that was stored before is acknowledged."""
    begins_late: str
    """For a consumer that does not deliver from the oldest message on: when it was created."""


class Streams:
    """Each method raises Unavailable when NATS does not answer or refuses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def require_consumer(self, service: str, subjects: Iterable[str]) -> None:
        """Raises TopologyMissing unless the service's durable consumer delivers these subjects.

        It has to be a pull consumer with explicit acknowledgements.
        """
        consumer = await self._consumer(service)
        if consumer is None:
            raise TopologyMissing(f"NATS has no consumer {service}: nobody has declared it yet")
        if consumer.config.deliver_subject or consumer.config.ack_policy != AckPolicy.EXPLICIT:
            raise TopologyMissing(
                f"NATS' consumer {service} was not made for this (it pushes, or does not wait for"
                " acknowledgements): delete it, and it is made again"
            )
        missing = set(subjects).difference(consumer.config.filter_subjects or [])
        if missing:
            listed = ", ".join(sorted(missing))
            raise TopologyMissing(f"NATS' consumer {service} does not deliver {listed} yet")

    async def _consumer(self, service: str) -> ConsumerInfo | None:
        with self._connection.errors(STREAM):
            try:
                found: ConsumerInfo = await self._connection.jetstream.consumer_info(
                    STREAM, service
                )
            except NotFoundError as error:
                if error.err_code == STREAM_NOT_FOUND:
                    raise
                return None
        return found

    async def waiting_pulls(self, service: str) -> int | None:
        """How many pull requests of a service are waiting: 0 when it does not run.

        None when there is no such service, or its consumer does not deliver replays.
        """
        consumer = await self._consumer(service)
        if consumer is None or replays_to(service) not in (consumer.config.filter_subjects or []):
            return None
        return consumer.num_waiting or 0

    async def lag(self, service: str) -> tuple[int, int]:
        """The lag of a service: how many messages are pending, and how many are in flight.

        Raises TopologyMissing while nothing is declared for it.
        """
        consumer = await self._consumer(service)
        if consumer is None:
            raise TopologyMissing(f"NATS has no consumer {service}")
        return consumer.num_pending or 0, consumer.num_ack_pending or 0

    async def progress(self, service: str) -> Progress:
        """The progress of a service; raises TopologyMissing while nothing is declared for it.

        The stream is read after the consumer, so that a drop in between is noticed.
        """
        consumer = await self._consumer(service)
        if consumer is None:
            raise TopologyMissing(f"NATS has no consumer {service}")
        with self._connection.errors(STREAM):
            stream = await self._connection.jetstream.stream_info(STREAM)
        acknowledged = consumer.ack_floor.stream_seq if consumer.ack_floor else 0
        begins_late = consumer.config.deliver_policy not in {None, DeliverPolicy.ALL}
        return Progress(
            stream=str(stream.created),
            first=stream.state.first_seq,
            last=stream.state.last_seq,
            acknowledged=acknowledged or 0,
            is_caught_up=not (consumer.num_pending or consumer.num_ack_pending),
            begins_late=str(consumer.created) if begins_late else "",
        )

    async def count(self, stream: str, subject: str) -> int:
        """How many messages of a subject a stream holds."""
        with self._connection.errors(stream):
            found = await self._connection.jetstream.stream_info(stream, subjects_filter=subject)
        return sum((found.state.subjects or {}).values())

    async def messages(self, stream: str, subject: str) -> AsyncIterator[StoredMessage]:
        """All messages of a subject (which may have wildcards) that are there now, oldest first."""
        with self._connection.errors(stream):
            last = (await self._connection.jetstream.stream_info(stream)).state.last_seq
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
        with self._connection.errors(stream):
            try:
                found = await self._connection.jetstream.get_msg(
                    stream, number, subject=subject, next=subject is not None
                )
            except NotFoundError as error:
                if error.err_code == STREAM_NOT_FOUND:
                    raise
                return None
        return _stored(found)

    async def delete(self, stream: str, number: int) -> None:
        """Delete one message; it may be gone already."""
        if await self.message(stream, number):
            with self._connection.errors(stream):
                await self._connection.jetstream.delete_msg(stream, number)


def _stored(message: RawStreamMsg) -> StoredMessage:
    return StoredMessage(
        number=message.seq or 0,
        subject=message.subject or "",
        body=message.data or b"",
        headers=headers_in(base64.b64decode(message.hdrs or b"")),
    )
