"""Refuses a body over 64 KiB without reading it whole."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.web.error_responses import ErrorItem, error_response

LIMIT = 64 * 1024
TOO_LARGE = "Body must not be larger than 64 KiB"


class BodyLimitMiddleware:
    """By the announced length where there is one, by counting where there is none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, as far as the limit."""
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdigit() and int(length) > LIMIT:
            answer = error_response(413, [ErrorItem(message=TOO_LARGE)], {"Connection": "close"})
            await answer(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LIMIT:
                raise HTTPException(413, TOO_LARGE, {"Connection": "close"})
            return message

        await self._app(scope, counted, send)
