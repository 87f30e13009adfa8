"""Refuses a body over 64 KiB, and one that takes its time, reading on as far as manners ask."""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.web.cross_site import SAFE
from common.web.error_responses import ErrorItem, error_response
from common.web.headers import header

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
    """By the announced length where there is one, by counting where there is none.

    No answer leaves before the whole body has come, wanted or not: a gateway that hears an answer
    early goes on waiting for the rest of the body, Caddy for ever.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, as far as the limits."""
        is_request = scope["type"] == "http"
        length = header(scope, b"content-length") if is_request else ""
        if length.isdigit() and int(length) > LIMIT:
            await _drop_rest(receive)
            await _refusal(413, TOO_LARGE)(scope, receive, send)
        elif is_request and (scope["method"] not in SAFE or _announces_body(scope, length)):
            body = _Body(scope, receive, send, self._seconds)
            await self._app(scope, body.receive, body.send)
        else:
            await self._app(scope, receive, send)


def _announces_body(scope: Scope, length: str) -> bool:
    return length not in {"", "0"} or bool(header(scope, b"transfer-encoding"))


class _Body:
    """A body on its way: how much has come, and until when the rest has to."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._until = asyncio.get_running_loop().time() + seconds
        self._seen, self._is_over, self._is_refused, self._is_cut_off = 0, False, False, False

    async def receive(self) -> Message:
        """What the app hears; raises 408 and 413. After the body anything may come at any time."""
        if self._is_over:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self._is_over = True
            raise HTTPException(408, TOO_SLOW, HANGING_UP) from None
        self._seen += len(message.get("body", b""))
        self._is_over = not message.get("more_body") or self._seen > LIMIT
        self._is_cut_off = message["type"] == "http.disconnect"
        if self._seen > LIMIT:
            await _drop_rest(self._receive, last=message)
            raise HTTPException(413, TOO_LARGE, HANGING_UP)
        return message

    async def send(self, message: Message) -> None:
        """What the app answers, unless the body that it did not want is too large or too slow.

        Raises ClientDisconnect when the body was cut off: nobody waits for an answer.
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
    return error_response(status, [ErrorItem(message=text)], HANGING_UP)


async def _drop_rest(receive: Receive, last: Message | None = None) -> None:
    dropped = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(MANNERS_SECONDS):
            while (last is None or last.get("more_body")) and dropped <= MANNERS:
                last = await receive()
                dropped += len(last.get("body", b""))
