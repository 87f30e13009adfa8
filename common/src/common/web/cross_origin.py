"""Protection against cross-site request forgery (CSRF).

By the rules of Go's `net/http.CrossOriginProtection`, which need neither a token nor a cookie: a
browser sends the origin of a request itself, and a client that sends none is not a browser.
"""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from common.web.error_responses import ErrorItem, error_response
from common.web.headers import header

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})
CSRF_REFUSED = "Requests from other sites are refused"


class CsrfMiddleware:
    """403 for an unsafe request from another site's page.

    `Sec-Fetch-Site` decides (Fetch Metadata, W3C); older browsers send at least `Origin`. The
    `SameSite` of the session's cookie does not cover other hosts of our own domain.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests of our own pages, and of programs."""
        if scope["type"] == "http" and scope["method"] not in SAFE and _is_foreign(scope):
            answer = error_response(403, [ErrorItem(message=CSRF_REFUSED)])
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    if site := header(scope, b"sec-fetch-site"):
        return site not in OURS
    origin = header(scope, b"origin")
    return bool(origin) and _host_of(origin) != header(scope, b"host")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
