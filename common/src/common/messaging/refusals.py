"""What NATS would refuse again and again: a subject that we may not say, a message too large."""

import asyncio
import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from common.errors import Refused
from common.logs import RateLimitedLog
from common.messaging.connection import Connection

LARGEST_EVENT_BYTES = 4_096
"""No event of the contracts is larger, with its headers."""

LOOK_AGAIN_SECONDS = 10.0
ANSWER_SECONDS = 2.0

_DENIED = re.compile(r'permissions violation for publish to "([^"]+)"', re.IGNORECASE)

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class TooLarge(Refused):
    """The server takes no message of that size."""


class Unanswered:
    """Publications that wait for their answer.

    A permission that is missing is said apart from them, with the subject: it answers them all.
    """

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Future[Any]]] = defaultdict(set)

    @contextmanager
    def waits(self, subject: str, answer: "asyncio.Future[Any]") -> Iterator[None]:
        """Count it as waiting for as long as the block; the answer may become Refused."""
        answers = self._waiting[subject.lower()]
        answers.add(answer)
        try:
            yield
        finally:
            answers.discard(answer)

    def heed(self, words: str) -> None:
        """Look whether what NATS reports is an answer; the library has it in small letters."""
        if denied := _DENIED.search(words):
            for answer in self._waiting.get(denied[1].lower(), ()):
                if not answer.done():
                    answer.set_exception(Refused(words))


class PayloadLimit:
    """How large a message may be, its headers included.

    A server that would have to refuse one closes the connection instead, so it is never sent. And
    a server tells its limit to those who connect, not to those who are connected when it changes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._looking = asyncio.Lock()
        self._look_at = 0.0

    def check(self) -> None:
        """Warn when events may come that the server we have just connected to would not take."""
        limit = self._connection.client.max_payload
        if limit < LARGEST_EVENT_BYTES:
            rate_limited.warning(
                "NATS' max_payload is too small for some events",
                max_payload=limit,
                largest_event=LARGEST_EVENT_BYTES,
            )

    async def admit(self, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Raises TooLarge."""
        size, limit = size_of(body, headers), self._connection.client.max_payload
        if size > limit:
            rate_limited.warning(
                "a message is too large for NATS",
                same=["subject"],
                subject=subject,
                size=size,
                max_payload=limit,
            )
            await self._look_again()
            raise TooLarge(f"{subject} has {size} bytes, NATS takes {limit}")

    async def _look_again(self) -> None:
        """Connect anew, now and then, if the limit has been raised since we connected."""
        async with self._looking:
            if time.monotonic() < self._look_at:
                return
            self._look_at = time.monotonic() + LOOK_AGAIN_SECONDS
            client = self._connection.client
            if await self._limit_now() > client.max_payload:
                await client.force_reconnect()

    async def _limit_now(self) -> int:
        """What our server tells those who connect now; 0 when it does not answer."""
        address = self._connection.client.connected_url
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await _told(address.hostname, address.port) if address else 0
        except (OSError, TimeoutError, ValueError, KeyError):
            return 0


def size_of(body: bytes, headers: Mapping[str, str]) -> int:
    """The bytes that a server counts against its limit."""
    lines = (f"{name}: {text}\r\n" for name, text in headers.items())
    return len(f"NATS/1.0\r\n{''.join(lines)}\r\n".encode()) + len(body)


async def _told(host: str | None, port: int | None) -> int:
    """The limit in the first line that a server says to whoever connects, before any TLS."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        said = json.loads((await reader.readline()).removeprefix(b"INFO "))
        return int(said["max_payload"])
    finally:
        writer.close()
