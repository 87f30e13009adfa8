"""Refuses requests until the service has begun: without its indexes it would break its promises."""

from starlette.types import ASGIApp, Receive, Scope, Send

from common.preparing import Preparation
from common.web.error_responses import unavailable
from common.web.request_log import PROBES


class NotYetMiddleware:
    """503 for everything but probes."""

    def __init__(self, app: ASGIApp, *, preparation: Preparation) -> None:
        self._app, self._preparation = app, preparation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through once there is somebody to answer it."""
        is_early = scope["type"] == "http" and not self._preparation.is_done
        if is_early and scope["path"] not in PROBES:
            await unavailable()(scope, receive, send)
        else:
            await self._app(scope, receive, send)
