"""What arrives from the bus, and where: messages, and the server's word on a request for them."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

HEARTBEAT_SECONDS = 1.0
"""How often NATS is to show that it has nothing to send."""

REPLAY_OF = "Replay-Of"
"""The header with the subject that a replayed message had at first."""


def replays_to(service: str) -> str:
    """The subject on which one service alone hears a message once more."""
    return f"replay.{service}"


def original_subject(subject: str, headers: Mapping[str, str]) -> str:
    """What a message is about, on whatever subject it comes."""
    return headers.get(REPLAY_OF, subject) if subject.startswith(replays_to("")) else subject


class Answerable(Protocol):
    """The library's message, as far as it is answered."""

    async def ack(self) -> None:
        """Done with it."""

    async def nak(self, delay: int | float | None = None) -> None:
        """Again, in so many seconds."""

    async def in_progress(self) -> None:
        """Not done yet."""


@dataclass(frozen=True, eq=False)
class Delivery:
    """One message from a stream, to be answered once with `ack` or `nak`.

    `sequence` is its number in the stream, `stored_at` when it came there (UTC), `position` its
    number among its consumer's deliveries.
    An answer may get lost on the way; then the message comes again.
    """

    subject: str
    body: bytes
    headers: Mapping[str, str]
    sequence: int
    stored_at: datetime
    position: int
    attempt: int
    answer: Answerable

    @property
    def is_replay(self) -> bool:
        """Whether a person had it delivered once more, to this service alone."""
        return REPLAY_OF in self.headers

    async def ack(self) -> None:
        """Done with it."""
        with suppress(Exception):  # whatever it is, the message comes again
            await self.answer.ack()

    async def nak(self, delay: float) -> None:
        """Deliver it again in `delay` seconds."""
        with suppress(Exception):  # whatever it is, the message comes again
            await self.answer.nak(delay=delay)

    async def keep(self) -> None:
        """It is in good hands: begin to count anew until it is delivered again."""
        with suppress(Exception):  # whatever it is, the message comes again
            await self.answer.in_progress()


@dataclass(frozen=True)
class PullStatus:
    """What the server says of a request: that it lives, or why it ended.

    A heartbeat of a consumer that pushes says the `position` of its last delivery.
    """

    code: str
    unused: int | None
    position: int | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "PullStatus":
        """What the headers of a message without a body say."""
        unused, position = map(headers.get, ("Nats-Pending-Messages", "Nats-Last-Consumer"))
        return cls(
            code=headers["Status"],
            unused=int(unused) if unused else None,
            position=int(position) if position else None,
        )


@dataclass(frozen=True)
class Inbox:
    """Where pulled messages arrive.

    `close` lets nothing more arrive than what is on its way already: a message that nobody took
    would come again only when its time to be acknowledged is over. `is_open` says whether anything
    could still arrive: not when the connection was closed.
    """

    address: str
    close: Callable[[], Awaitable[None]]
    is_open: Callable[[], bool]
