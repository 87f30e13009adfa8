"""Rejects requests until startup is complete: without indexes a service breaks its guarantees."""

from starlette.types import ASGIApp, Receive, Scope, Send

from common.startup import Startup
from common.web.error_responses import unavailable
from common.web.request_log import PROBES


class StartupGateMiddleware:
    """503 for everything but probes until startup is complete."""

    def __init__(self, app: ASGIApp, *, startup: Startup) -> None:
        self._app, self._startup = app, startup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request once startup is complete."""
        is_early = scope["type"] == "http" and not self._startup.is_complete
        if is_early and scope["path"] not in PROBES:
            await unavailable()(scope, receive, send)
        else:
            await self._app(scope, receive, send)
