"""Rejects a body that is too large or too slow, draining it up to a limit first."""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.web.cross_origin import SAFE
from common.web.error_responses import ErrorItem, error_response
from common.web.headers import header

LIMIT = 64 * 1024
DRAIN_LIMIT = 16 * LIMIT
"""How much of a rejected body is drained: closing the connection while the client sends makes the
client, or a gateway in between, see a broken connection instead of the response."""

DRAIN_SECONDS = 5
BODY_SECONDS = 10
"""How long a whole body may take, from the end of the head; enough for 64 KiB over a modem."""

TOO_LARGE = "Body must not be larger than 64 KiB"
TOO_SLOW = f"Body must arrive within {BODY_SECONDS} seconds"
CONNECTION_CLOSE = {"Connection": "close"}


class BodyLimitMiddleware:
    """Checks `Content-Length` where there is one, and counts bytes where there is none.

    No response is sent before the whole body has been received: a gateway that gets a response
    early goes on waiting for the rest of the body, Caddy for ever.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request, within the limits."""
        is_request = scope["type"] == "http"
        length = header(scope, b"content-length") if is_request else ""
        if length.isdigit() and int(length) > LIMIT:
            await _drain(receive)
            await _refusal(413, TOO_LARGE)(scope, receive, send)
        elif is_request and (scope["method"] not in SAFE or _announces_body(scope, length)):
            body = _Body(scope, receive, send, self._seconds)
            await self._app(scope, body.receive, body.send)
        else:
            await self._app(scope, receive, send)


def _announces_body(scope: Scope, length: str) -> bool:
    return length not in {"", "0"} or bool(header(scope, b"transfer-encoding"))


class _Body:
    """A body that is being received: its size so far, and the deadline."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._until = asyncio.get_running_loop().time() + seconds
        self._seen, self._is_over, self._is_refused, self._is_cut_off = 0, False, False, False

    async def receive(self) -> Message:
        """The next message; raises 408 and 413. After the body there is no deadline."""
        if self._is_over:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self._is_over = True
            raise HTTPException(408, TOO_SLOW, CONNECTION_CLOSE) from None
        self._seen += len(message.get("body", b""))
        self._is_over = not message.get("more_body") or self._seen > LIMIT
        self._is_cut_off = message["type"] == "http.disconnect"
        if self._seen > LIMIT:
            await _drain(self._receive, last=message)
            raise HTTPException(413, TOO_LARGE, CONNECTION_CLOSE)
        return message

    async def send(self, message: Message) -> None:
        """Send the app's response, unless the body that it did not read is too large or too slow.

        Raises ClientDisconnect when the body was cut off: nobody waits for a response.
        """
        try:
            while not self._is_over:
                await self.receive()
        except HTTPException as refusal:
            self._is_refused = True
            answer = _refusal(refusal.status_code, refusal.detail)
            await answer(self._scope, self._receive, self._send)
        if self._is_cut_off:
            raise ClientDisconnect
        if not self._is_refused:
            await self._send(message)


def _refusal(status: int, text: str) -> JSONResponse:
    return error_response(status, [ErrorItem(message=text)], CONNECTION_CLOSE)


async def _drain(receive: Receive, last: Message | None = None) -> None:
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while (last is None or last.get("more_body")) and dropped <= DRAIN_LIMIT:
                last = await receive()
                dropped += len(last.get("body", b""))
