"""What NATS permanently refuses: a subject without permission, a message that is too large."""

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
"""No event of the contracts is larger, headers included."""

LOOK_AGAIN_SECONDS = 10.0
ANSWER_SECONDS = 2.0

_DENIED = re.compile(r'permissions violation for publish to "([^"]+)"', re.IGNORECASE)

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class TooLarge(Refused):
    """The message is larger than the server's `max_payload`."""


class UnacknowledgedPublishes:
    """Publications that wait for their acknowledgement.

    A missing permission is reported apart from them, by subject: it fails all of that subject.
    """

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Future[Any]]] = defaultdict(set)

    @contextmanager
    def waits(self, subject: str, answer: "asyncio.Future[Any]") -> Iterator[None]:
        """Register it for the block; the acknowledgement may fail with Refused."""
        answers = self._waiting[subject.lower()]
        answers.add(answer)
        try:
            yield
        finally:
            answers.discard(answer)

    def on_problem(self, words: str) -> None:
        """Fail the publications that NATS reports as denied; the library reports in lower case."""
        if denied := _DENIED.search(words):
            for answer in self._waiting.get(denied[1].lower(), ()):
                if not answer.done():
                    answer.set_exception(Refused(words))


class PayloadLimit:
    """Checks the size of messages, headers included, against the server's `max_payload`.

    A server closes the connection on a larger message, so it is never sent. A server announces its
    limit only when a client connects, not when it changes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._looking = asyncio.Lock()
        self._look_at = 0.0

    def warn_if_small(self) -> None:
        """Warn when the server's limit is smaller than our largest event."""
        limit = self._connection.client.max_payload
        if limit < LARGEST_EVENT_BYTES:
            rate_limited.warning(
                "NATS' max_payload is too small for some events",
                max_payload=limit,
                largest_event=LARGEST_EVENT_BYTES,
            )

    async def check(self, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
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
        """Reconnect if the limit has been raised since we connected; rate limited."""
        async with self._looking:
            if time.monotonic() < self._look_at:
                return
            self._look_at = time.monotonic() + LOOK_AGAIN_SECONDS
            client = self._connection.client
            if await self._limit_now() > client.max_payload:
                await client.force_reconnect()

    async def _limit_now(self) -> int:
        """The server's current limit; 0 when it does not answer."""
        address = self._connection.client.connected_url
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await _read_limit(address.hostname, address.port) if address else 0
        except (OSError, TimeoutError, ValueError, KeyError):
            return 0


def size_of(body: bytes, headers: Mapping[str, str]) -> int:
    """The size that a server checks against its limit."""
    lines = (f"{name}: {text}\r\n" for name, text in headers.items())
    return len(f"NATS/1.0\r\n{''.join(lines)}\r\n".encode()) + len(body)


async def _read_limit(host: str | None, port: int | None) -> int:
    """The limit in a server's INFO, which it sends before any TLS."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        said = json.loads((await reader.readline()).removeprefix(b"INFO "))
        return int(said["max_payload"])
    finally:
        writer.close()
