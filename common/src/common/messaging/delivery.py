"""What arrives from the bus: messages, and the status of pull requests."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

HEARTBEAT_SECONDS = 1.0
"""How often NATS sends a heartbeat when it has no message."""

REPLAY_OF = "Replay-Of"
"""The header with the original subject of a replayed message."""


def replays_to(service: str) -> str:
    """The subject on which messages are replayed to one service."""
    return f"replay.{service}"


def original_subject(subject: str, headers: Mapping[str, str]) -> str:
    """The subject of a message before any replay."""
    return headers.get(REPLAY_OF, subject) if subject.startswith(replays_to("")) else subject


class AckableMessage(Protocol):
    """The part of the library's message that acknowledges it."""

    async def ack(self) -> None:
        """Acknowledge it."""

    async def nak(self, delay: int | float | None = None) -> None:
        """Redeliver it in so many seconds."""

    async def in_progress(self) -> None:
        """Reset the acknowledgement timer."""


@dataclass(frozen=True, eq=False)
class Delivery:
    """One message from a stream, to be acknowledged once with `ack` or `nak`.

    `sequence` is its sequence in the stream, `stored_at` when it was stored there (UTC),
    `consumer_sequence` its number among the consumer's deliveries. An acknowledgement may get lost;
    then the message is redelivered.
    """

    subject: str
    body: bytes
    headers: Mapping[str, str]
    sequence: int
    stored_at: datetime
    consumer_sequence: int
    delivery_count: int
    raw: AckableMessage

    @property
    def is_replay(self) -> bool:
        """Whether an operator replayed it, to this service alone."""
        return REPLAY_OF in self.headers

    async def ack(self) -> None:
        """Acknowledge it."""
        with suppress(Exception):  # whatever it is, the message is redelivered
            await self.raw.ack()

    async def nak(self, delay: float) -> None:
        """Redeliver it in `delay` seconds."""
        with suppress(Exception):  # whatever it is, the message is redelivered
            await self.raw.nak(delay=delay)

    async def in_progress(self) -> None:
        """Reset the acknowledgement timer (`AckProgress`): it is still being handled."""
        with suppress(Exception):  # whatever it is, the message is redelivered
            await self.raw.in_progress()


class Outcome(StrEnum):
    """What became of a delivery; docs/architecture.md says when. The values are metric labels."""

    ACKED = "handled"
    WAITING = "waiting"
    OUT_OF_ORDER = "early"
    UNAVAILABLE = "postponed"
    FAILED = "failed"
    DEAD_LETTERED = "dead"


@dataclass(frozen=True)
class PullStatus:
    """The status of a pull request: a heartbeat, or why it ended.

    A heartbeat of a push consumer has the `consumer_sequence` of its last delivery.
    """

    code: str
    pending_messages: int | None
    consumer_sequence: int | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "PullStatus":
        """The status in the headers of a message without a body."""
        pending, consumer_sequence = map(
            headers.get, ("Nats-Pending-Messages", "Nats-Last-Consumer")
        )
        return cls(
            code=headers["Status"],
            pending_messages=int(pending) if pending else None,
            consumer_sequence=int(consumer_sequence) if consumer_sequence else None,
        )


@dataclass(frozen=True)
class Inbox:
    """A subscription on which pulled messages arrive.

    `close` drains it: a message that nobody received would be redelivered only after `ack_wait`.
    `is_open` says whether anything could still arrive: not when the connection was closed.
    """

    address: str
    close: Callable[[], Awaitable[None]]
    is_open: Callable[[], bool]
