"""One line for each request, with the id that follows it, and the last net under a crash."""

import logging
import re
import secrets
import time
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import logs, metrics
from common.contracts.events import wire_time
from common.web.error_responses import OOPS, ErrorItem, error_response

_QUIET = frozenset({"/acceptz", "/livez", "/metrics", "/readyz"})
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

log = logging.getLogger(__name__)


def _identify(scope: Scope) -> dict[str, str]:
    headers = Headers(scope=scope)
    given = headers.get("x-request-id", "")
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return {
        "request_id": given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16),
        "trace_id": trace[1] if trace else secrets.token_hex(16),
    }


class _Answer:
    """Passes an answer on with the request's id and our clock, and remembers its status.

    The status is 0 until the answer begins. `Date` has only seconds: too coarse for a countdown.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.begun = 0.0

    async def send(self, message: Message) -> None:
        """What the app sends."""
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], time.perf_counter()
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = logs.context.get()["request_id"]
            headers["X-Server-Time"] = wire_time(datetime.now(UTC))
        await self._send(message)


class RequestLogMiddleware:
    """Outermost, so that a crash anywhere answers 500 in the envelope and stays in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request and say how it went."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        logs.context.set(_identify(scope))
        answer, started = _Answer(send), time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request failed")
            if answer.status == 0:
                await error_response(500, [ErrorItem(message=OOPS)])(scope, receive, answer.send)
        finally:
            _say(scope, answer.status, time.perf_counter() - started)
            metrics.count_request(
                scope["method"], _route(scope), answer.status, answer.begun - started
            )


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return route.path if route else metrics.OTHER


def _say(scope: Scope, status: int, seconds: float) -> None:
    duration = {"duration_ms": round(seconds * 1000, 1)}
    log.info("%s %s %s", scope["method"], scope["path"], status, extra=duration)
