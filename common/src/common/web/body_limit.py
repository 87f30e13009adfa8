"""Refuses a body over 64 KiB, and one that takes its time, reading on as far as manners ask."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.web.error_responses import ErrorItem, error_response

LIMIT = 64 * 1024
MANNERS = 16 * LIMIT
"""How much of a refused body is still read and dropped: who hangs up on somebody that is sending
makes the sender, or a gateway in between, see a broken connection instead of the answer."""

MANNERS_SECONDS = 5
BODY_SECONDS = 10
"""How long a whole body may take, from the end of the head; 64 KiB need a slow modem no longer."""

TOO_LARGE = "Body must not be larger than 64 KiB"
TOO_SLOW = f"Body must arrive within {BODY_SECONDS} seconds"
HANGING_UP = {"Connection": "close"}


class BodyLimitMiddleware:
    """By the announced length where there is one, by counting where there is none."""

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, as far as the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isdigit() and int(length) > LIMIT:
            await _drop_rest(receive)
            answer = error_response(413, [ErrorItem(message=TOO_LARGE)], HANGING_UP)
            await answer(scope, receive, send)
            return
        await self._app(scope, _Limited(receive, self._seconds).receive, send)


class _Limited:
    """Counts a body, and the time it takes; what comes after it may come at any time."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._until = asyncio.get_running_loop().time() + seconds
        self._seen, self._complete = 0, False

    async def receive(self) -> Message:
        """What the web server says next."""
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, TOO_SLOW, HANGING_UP) from None
        self._seen += len(message.get("body", b""))
        self._complete = not message.get("more_body")
        if self._seen > LIMIT:
            await _drop_rest(self._receive, last=message)
            raise HTTPException(413, TOO_LARGE, HANGING_UP)
        return message


async def _drop_rest(receive: Receive, last: Message | None = None) -> None:
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(MANNERS_SECONDS):
            while (last is None or last.get("more_body")) and dropped <= MANNERS:
                last = await receive()
                dropped += len(last.get("body", b""))
