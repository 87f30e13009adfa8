"""A body over 64 KiB is refused, announced or not, and so is one that takes too long."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from httpx import ASGITransport, AsyncClient

from common.web.body_limit import BODY_SECONDS, DRAIN_LIMIT, LIMIT, BodyLimitMiddleware
from common.web.error_responses import install_error_responses

PATH = "/api/tallies"
TOO_LARGE = {"errors": [{"message": "Body must not be larger than 64 KiB"}]}
BODY = b'{"title": "a", "price": 20}'


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    """The content without a length announced, 10,000 bytes at a time."""
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


@pytest.mark.parametrize("in_one", [True, False])
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413), (10 * LIMIT, 413)])
async def test_the_limit_is_64_kib(
    client: AsyncClient, size: int, status: int, *, in_one: bool
) -> None:
    content = BODY.ljust(size)
    answer = await client.post(
        PATH,
        content=content if in_one else in_pieces(content),
        headers={"Content-Type": "application/json"},
    )
    assert ("content-length" in answer.request.headers) is in_one
    assert answer.status_code == status
    if status == 413:
        assert answer.json() == TOO_LARGE
        assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
async def test_a_large_body_of_any_kind_is_refused(
    client: AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post(PATH, content=in_pieces(b"x" * 2 * LIMIT), headers=headers)
    assert (answer.status_code, answer.json()) == (413, TOO_LARGE)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_body_is_not_read_whole(client: AsyncClient, *, announced: bool) -> None:
    size, read = 4 * DRAIN_LIMIT, 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        async for piece in in_pieces(b"x" * size):
            read += len(piece)
            yield piece

    headers = {"Content-Type": "application/json"}
    headers |= {"Content-Length": str(size)} if announced else {}
    answer = await client.post(PATH, content=body(), headers=headers)
    assert answer.status_code == 413
    assert read < 2 * DRAIN_LIMIT


SECONDS = 0.3


@pytest.fixture
async def hasty() -> AsyncIterator[AsyncClient]:
    """A browser before a service that waits for a body only so long."""
    app = FastAPI()
    install_error_responses(app)
    app.add_middleware(BodyLimitMiddleware, seconds=SECONDS)

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.post("/unread")
    async def unread() -> str:
        return "done"

    @app.post("/stream")
    async def stream(request: Request) -> StreamingResponse:
        await request.body()
        return StreamingResponse(ticks())

    async with AsyncClient(transport=ASGITransport(app), base_url="http://ticketing.test") as open_:
        yield open_


async def ticks(count: int = 3) -> AsyncIterator[bytes]:
    """A byte each time the limit has passed."""
    for _ in range(count):
        await asyncio.sleep(SECONDS)
        yield b"x"


async def test_a_body_that_trickles_is_given_up(hasty: AsyncClient) -> None:
    answer = await hasty.post("/length", content=ticks(100))
    error = {"message": f"Body must arrive within {BODY_SECONDS} seconds"}
    assert (answer.status_code, answer.json()) == (408, {"errors": [error]})
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("path", ["/unread", "/nowhere"])
async def test_an_unread_body_has_the_same_deadline(hasty: AsyncClient, path: str) -> None:
    assert (await hasty.post(path, content=in_pieces(b"x" * 30_000))).status_code in {200, 404}
    slow = await hasty.post(path, content=ticks(100))
    assert (slow.status_code, slow.headers["Connection"]) == (408, "close")
    large = await hasty.post(path, content=in_pieces(b"x" * 2 * LIMIT))
    assert (large.status_code, large.json()) == (413, TOO_LARGE)


async def test_a_response_may_stream_longer_than_a_body(hasty: AsyncClient) -> None:
    assert (await hasty.post("/stream", content=b"")).text == "xxx"
    assert (await hasty.post("/length", content=in_pieces(b"x" * 30_000))).json() == 30_000
