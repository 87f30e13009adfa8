"""Hundreds of connections that do not come to the point keep nobody from being served."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from devstack.api_client import ApiClient
from devstack.running_stack import RunningStack

HEAD = b"POST /api/tickets HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
BODY = HEAD + b"Content-Length: 1000\r\n\r\n{"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
EACH = 40
PAUSE_SECONDS = 0.75
"""No part of the 10 s after which it is hung up on: bytes that meet that moment undo the answer."""

# What is sent at once, and then a little of after each pause.
KINDS = {
    "silent": (b"", b""),
    "half a head": (HEAD, b""),
    "a head that trickles": (HEAD + b"X: ", b"x"),
    "half a body": (BODY, b""),
    "a body that trickles": (BODY, b" "),
    "half a body that nobody wants": (BODY.replace(b"tickets", b"tickets/a/b", 1), b""),
    "chunks that trickle": (CHUNKED, b"1\r\n \r\n"),
}

BODIES = {kind for kind in KINDS if "bod" in kind or "chunk" in kind}


class Laggard:
    """A client that takes its time."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._start, self._more = KINDS[kind]
        self.answer: asyncio.Task[bytes] | None = None

    @asynccontextmanager
    async def connected(self, url: str) -> AsyncIterator["Laggard"]:
        """Sends little by little for as long as the block, or until it is cut off."""
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(self._start)
        trickling = asyncio.create_task(self._trickle(writer))
        self.answer = asyncio.create_task(self._read(reader))
        yield self
        for task in (trickling, self.answer):
            task.cancel()
        await asyncio.wait([trickling, self.answer])
        writer.close()

    async def _trickle(self, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while self._more:
                writer.write(self._more)
                await writer.drain()
                await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        with suppress(ConnectionError):
            return await reader.read()
        return b""

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has hung up yet."""
        return self.answer is not None and not self.answer.done()

    async def status(self) -> bytes:
        """Wait until it is cut off; what it was told, if anything."""
        assert self.answer is not None
        return (await self.answer)[9:12]


@pytest.mark.parametrize("at", ["gateway", "service"])
async def test_laggards_keep_nobody_from_being_served(
    launched: RunningStack, seller: ApiClient, buyer: ApiClient, at: str
) -> None:
    url = launched.gateway if at == "gateway" else launched.services["tickets"][0]
    laggards = [Laggard(kind) for kind in KINDS for _ in range(EACH)]
    async with AsyncExitStack() as open_connections:
        lagging = [laggard.connected(url) for laggard in laggards]
        await asyncio.gather(*map(open_connections.enter_async_context, lagging))
        for _ in range(4):  # both replicas
            await buyer.order(await seller.list_ticket())
        assert sum(laggard.is_waiting for laggard in laggards) == len(laggards)
        told = Counter([(laggard.kind, await laggard.status()) for laggard in laggards])
    assert {kind for kind, status in told if status} == BODIES
    assert {status for _, status in told} <= {b"", b"408"}  # who goes on sending may not hear it
    assert {told[kind, b"408"] for kind in BODIES if "half" in kind} == {EACH}
    assert (await seller.client.get("/api/tickets?mine=true")).status_code == 200
