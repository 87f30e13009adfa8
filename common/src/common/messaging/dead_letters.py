"""Keeps the messages that could not be handled, until a person has them replayed or discarded."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from common import clock
from common.contracts.events import wire_time
from common.messaging.bus import Bus
from common.messaging.delivery import REPLAY_OF, Delivery, replays_to
from common.messaging.stored import StoredMessage
from common.messaging.streams import DEAD_LETTERS

PREFIX = "dead-letters."
NOT_THE_MESSAGES_OWN = ("dead-letter-", "nats-", REPLAY_OF.lower())
"""How headers begin that say something of one journey; some of NATS' would have it refused."""


class NeverListened(Exception):
    """A replay would reach nobody: the service has no durable consumer that hears it."""


@dataclass(frozen=True)
class Letter:
    """A message that a service gave up."""

    number: int
    service: str
    subject: str
    body: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, message: StoredMessage) -> "Letter":
        """What the stream of dead letters keeps."""
        return cls(
            number=message.number,
            service=message.subject.removeprefix(PREFIX),
            subject=message.headers.get("Dead-Letter-Subject", ""),
            body=message.body,
            headers=message.headers,
        )

    def said(self, what: str) -> str:
        """What was noted when it was given up: Reason, Attempts, Time (ISO 8601 in UTC)."""
        return self.headers.get(f"Dead-Letter-{what}", "")


async def keep(bus: Bus, service: str, delivery: Delivery, reason: str) -> None:
    """Store the message for a person to look at; raises Unavailable when it is not stored."""
    before = delivery.headers.get("Nats-Msg-Id", "")  # a new stream counts from 1 again
    headers = {
        **_own(delivery.headers),
        "Nats-Msg-Id": f"dead-letter:{service}:{delivery.sequence}:{before}",
        "Dead-Letter-Reason": _header_text(reason),
        "Dead-Letter-Service": service,
        "Dead-Letter-Subject": delivery.subject,
        "Dead-Letter-Sequence": str(delivery.sequence),
        "Dead-Letter-Attempts": str(delivery.attempt),
        "Dead-Letter-Time": wire_time(clock.now()),
    }
    await bus.publish(f"{PREFIX}{service}", delivery.body, headers)


async def letters(bus: Bus, service: str | None = None) -> AsyncIterator[Letter]:
    """All letters, or those of one service, oldest first; raises Unavailable."""
    async for message in bus.streams.messages(DEAD_LETTERS, f"{PREFIX}{service or '>'}"):
        yield Letter.of(message)


async def letter(bus: Bus, number: int) -> Letter | None:
    """The letter of that number; raises Unavailable."""
    message = await bus.streams.message(DEAD_LETTERS, number)
    return Letter.of(message) if message else None


async def replay(bus: Bus, letter: Letter) -> None:
    """Have the service that gave up, and nobody else, hear the message once more.

    The letter goes only after the message is stored: a crash in between leaves both, and for two
    minutes a second replay of the same letter is the same message. Raises NeverListened and
    Unavailable.
    """
    if await bus.streams.requests_of(letter.service) is None:
        raise NeverListened(f"no service {letter.service} has ever listened to replays")
    headers = {
        **_own(letter.headers),
        "Nats-Msg-Id": f"replay:{letter.service}:{letter.number}:{letter.said('Time')}",
        REPLAY_OF: letter.subject,
    }
    await bus.publish(replays_to(letter.service), letter.body, headers)
    await discard(bus, letter)


async def discard(bus: Bus, letter: Letter) -> None:
    """Forget a letter; raises Unavailable."""
    await bus.streams.delete(DEAD_LETTERS, letter.number)


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: text
        for name, text in headers.items()
        if not name.lower().startswith(NOT_THE_MESSAGES_OWN)
    }


def _header_text(reason: str) -> str:
    """One line of ASCII: a header that cannot be sent would keep the message coming for ever."""
    return " ".join(reason.split())[:1000].encode("ascii", "backslashreplace").decode()
