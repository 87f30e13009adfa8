"""Whoever opens a connection to a service has to come to the point."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from common.web.head_limit import HeadLimitProtocol
from devstack.ports import LOOPBACK, free_port
from devstack.testing import eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"
SLOWLY = 0.02


class ShortLimits(HeadLimitProtocol):
    """With limits that a test reaches soon."""

    HEAD_SECONDS = 1
    HEAD_BYTES = 2_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it is an app
    """Answers at once, except below /slow, and reads no body."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5 * ShortLimits.HEAD_SECONDS)
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@dataclass
class Connection:
    """What a client has of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def trickle(self, text: bytes) -> None:
        """Send a byte now and then until the other side hangs up."""
        try:
            for byte in text:
                self.writer.write(bytes([byte]))
                await self.writer.drain()
                await asyncio.sleep(SLOWLY)
        except ConnectionError:
            return

    async def rest(self) -> bytes:
        """All that comes until the other side hangs up."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server with short limits."""
    port = free_port()
    config = uvicorn.Config(
        app, LOOPBACK, port, http=ShortLimits, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    yield port
    server.should_exit = True
    await task


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """A connection to the server."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    yield Connection(reader, writer)
    writer.close()


async def test_who_says_nothing_is_cut_off(port: int) -> None:
    async with connected(port) as silent:
        assert await silent.rest() == b""


@pytest.mark.parametrize("start", [b"", REQUEST[:-2], b"GET /", b"\r\n"])
async def test_a_stalled_request_is_cut_off(port: int, start: bytes) -> None:
    async with connected(port) as half_open:
        half_open.writer.write(start)
        assert await half_open.rest() == b""


@pytest.mark.parametrize("never_ending", [b"X" * 9_000, b"\r\n" * 9_000, REQUEST[:-2] + b"X" * 900])
async def test_who_trickles_is_cut_off(port: int, never_ending: bytes) -> None:
    async with connected(port) as slow:
        sending = asyncio.create_task(slow.trickle(never_ending))
        assert b"200 OK" not in await slow.rest()
        await sending


async def test_who_trickles_a_second_request_is_cut_off(port: int) -> None:
    async with connected(port) as slow:
        slow.writer.write(REQUEST)
        assert b"200 OK" in await slow.reader.readuntil(b"ok")
        sending = asyncio.create_task(slow.trickle(REQUEST[:-2] + b"X" * 900))
        assert await slow.rest() == b""
        await sending


async def test_a_trickled_unread_body_is_cut_off(port: int) -> None:
    async with connected(port) as slow:
        slow.writer.write(UPLOAD)
        assert b"200 OK" in await slow.reader.readuntil(b"ok")
        sending = asyncio.create_task(slow.trickle(b"x" * 90))
        assert await slow.rest() == b""
        await sending


async def test_a_head_that_never_ends_is_refused(port: int) -> None:
    async with connected(port) as huge:
        huge.writer.write(REQUEST[:-2])
        for _ in range(3):
            huge.writer.write(b"X: " + b"x" * 900 + b"\r\n")
            await huge.writer.drain()
            await asyncio.sleep(SLOWLY)
        assert (await huge.rest()).startswith(b"HTTP/1.1 400 ")


async def test_requests_may_follow_each_other(port: int) -> None:
    async with connected(port) as patient:
        until = time.monotonic() + 1.5 * ShortLimits.HEAD_SECONDS
        while time.monotonic() < until:
            patient.writer.write(REQUEST)
            answer = await patient.reader.readuntil(b"ok")
            assert answer.startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(ShortLimits.HEAD_SECONDS / 20)


async def test_a_connection_may_rest_between_requests(port: int) -> None:
    async with connected(port) as patient:
        for _ in range(2):
            patient.writer.write(REQUEST)
            answer = await patient.reader.readuntil(b"ok")
            assert answer.startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(1.5 * ShortLimits.HEAD_SECONDS)


async def test_an_answer_may_take_its_time(port: int) -> None:
    slow = REQUEST.replace(b"/ ", b"/slow ", 1)
    async with connected(port) as patient:
        patient.writer.write(slow + slow)  # the second one waits in the pipeline
        for _ in range(2):
            assert (await patient.reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
