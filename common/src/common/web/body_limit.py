"""Refuses a body over 64 KiB, keeping nothing of it and reading on only as far as manners ask."""

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
TOO_LARGE = "Body must not be larger than 64 KiB"


class BodyLimitMiddleware:
    """By the announced length where there is one, by counting where there is none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, as far as the limit."""
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdigit() and int(length) > LIMIT:
            await _drop_rest(receive)
            answer = error_response(413, [ErrorItem(message=TOO_LARGE)], {"Connection": "close"})
            await answer(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LIMIT:
                await _drop_rest(receive, last=message)
                raise HTTPException(413, TOO_LARGE, {"Connection": "close"})
            return message

        await self._app(scope, counted, send)


async def _drop_rest(receive: Receive, last: Message | None = None) -> None:
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(MANNERS_SECONDS):
            while (last is None or last.get("more_body")) and dropped <= MANNERS:
                last = await receive()
                dropped += len(last.get("body", b""))
