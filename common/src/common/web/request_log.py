"""Logs, measures and traces each request, and answers 500 when the app crashes."""

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import clock, logs, metrics
from common.contracts.events import wire_time
from common.tracing import Span, SpanKind, parse_traceparent, start_span
from common.web.error_responses import INTERNAL_ERROR, ErrorItem, error_response

PROBES = frozenset({"/acceptz", "/livez", "/metrics", "/readyz"})
"""Requested by machines all the time, and answered whatever the state of the service."""

_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)

log = logging.getLogger(__name__)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


class _ResponseRecorder:
    """Adds the request's id and our time to the response, and records its status.

    The status is 0 until the response starts. `Date` has only seconds: too coarse for a countdown.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.begun = 0.0

    async def send(self, message: Message) -> None:
        """Pass on what the app sends."""
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], time.perf_counter()
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = logs.context.get()["request_id"]
            headers["X-Server-Time"] = wire_time(clock.now())
        await self._send(message)


class RequestLogMiddleware:
    """The outermost middleware: an exception anywhere is logged and answered with 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, and log it."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        parent = parse_traceparent(headers.get("traceparent", ""))
        with start_span(SpanKind.SERVER, scope["method"], parent) as span:
            logs.context.set({"request_id": _request_id(headers), "trace_id": span.trace_id})
            await self._serve(scope, receive, _ResponseRecorder(send), span)

    async def _serve(
        self, scope: Scope, receive: Receive, answer: _ResponseRecorder, span: Span
    ) -> None:
        started = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            pass  # nobody is left to be answered: the status stays 0
        except Exception:
            log.exception("request failed")
            if answer.status == 0:
                await error_response(500, [ErrorItem(message=INTERNAL_ERROR)])(
                    scope, receive, answer.send
                )
        finally:
            ended = time.perf_counter()
            _log(scope, answer.status, ended - started)
            _measure(scope, answer.status, (answer.begun or ended) - started, span)


def _log(scope: Scope, status: int, seconds: float) -> None:
    params = scope.get("path_params", {})
    extra = {name: value for name, value in params.items() if name.endswith("_id")}
    extra["duration_ms"] = round(seconds * 1000, 1)
    log.info("%s %s %s", scope["method"], scope["path"], status, extra=extra)


def _measure(scope: Scope, status: int, seconds: float, span: Span) -> None:
    method, route = scope["method"], scope.get("route")
    template = route.path if route else metrics.OTHER
    metrics.count_request(method, template, status, seconds)
    attributes = {"http.request.method": method, "http.route": template, "url.path": scope["path"]}
    attributes["http.response.status_code"] = status
    span.record(attributes, failed=status >= 500, name=f"{method} {template}")
