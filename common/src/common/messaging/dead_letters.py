"""Dead letters: messages that could not be handled, kept until they are replayed or discarded."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from common import clock
from common.contracts.events import wire_time
from common.messaging.bus import Bus
from common.messaging.delivery import REPLAY_OF, Delivery, replays_to
from common.messaging.stored import StoredMessage
from common.messaging.streams import DEAD_LETTERS

PREFIX = "dead-letters."
TRANSPORT_HEADERS = ("dead-letter-", "nats-", REPLAY_OF.lower())
"""Prefixes of headers that belong to one publication; NATS would reject some of its own."""


class NoSuchConsumer(Exception):
    """The service has no durable consumer that delivers replays."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that a service could not handle."""

    number: int
    service: str
    subject: str
    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, message: StoredMessage) -> "DeadLetter":
        """A message of the stream of dead letters."""
        return cls(
            number=message.number,
            service=message.subject.removeprefix(PREFIX),
            subject=message.headers.get("Dead-Letter-Subject", ""),
            body=message.body,
            headers=message.headers,
        )

    def header(self, name: str) -> str:
        """A header that was added to it: Reason, Attempts, Time (ISO 8601 in UTC)."""
        return self.headers.get(f"Dead-Letter-{name}", "")


async def store(bus: Bus, service: str, delivery: Delivery, reason: str) -> None:
    """Store the message for an operator; raises Unavailable when it is not stored."""
    before = delivery.headers.get("Nats-Msg-Id", "")  # a new stream counts from 1 again
    headers = {
        **_own(delivery.headers),
        "Nats-Msg-Id": f"dead-letter:{service}:{delivery.sequence}:{before}",
        "Dead-Letter-Reason": _header_text(reason),
        "Dead-Letter-Service": service,
        "Dead-Letter-Subject": delivery.subject,
        "Dead-Letter-Sequence": str(delivery.sequence),
        "Dead-Letter-Attempts": str(delivery.delivery_count),
        "Dead-Letter-Time": wire_time(clock.now()),
    }
    await bus.publish(f"{PREFIX}{service}", delivery.body, headers)


async def list_all(bus: Bus, service: str | None = None) -> AsyncIterator[DeadLetter]:
    """All dead letters, or those of one service, oldest first; raises Unavailable."""
    async for message in bus.streams.messages(DEAD_LETTERS, f"{PREFIX}{service or '>'}"):
        yield DeadLetter.of(message)


async def get(bus: Bus, number: int) -> DeadLetter | None:
    """The dead letter with this number; raises Unavailable."""
    message = await bus.streams.message(DEAD_LETTERS, number)
    return DeadLetter.of(message) if message else None


async def replay(bus: Bus, letter: DeadLetter) -> None:
    """Deliver the message once more to the service that failed, and to no other.

    The dead letter is deleted after the message is stored: a crash in between leaves both, and for
    two minutes a second replay is dropped as a duplicate. Raises NoSuchConsumer and
    Unavailable.
    """
    if await bus.streams.waiting_pulls(letter.service) is None:
        raise NoSuchConsumer(f"no service {letter.service} has ever listened to replays")
    headers = {
        **_own(letter.headers),
        "Nats-Msg-Id": f"replay:{letter.service}:{letter.number}:{letter.header('Time')}",
        REPLAY_OF: letter.subject,
    }
    await bus.publish(replays_to(letter.service), letter.body, headers)
    await discard(bus, letter)


async def discard(bus: Bus, letter: DeadLetter) -> None:
    """Delete a dead letter; raises Unavailable."""
    await bus.streams.delete(DEAD_LETTERS, letter.number)


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: text
        for name, text in headers.items()
        if not name.lower().startswith(TRANSPORT_HEADERS)
    }


def _header_text(reason: str) -> str:
    """One line of ASCII: an invalid header would have the message redelivered for ever."""
    return " ".join(reason.split())[:1000].encode("ascii", "backslashreplace").decode()
