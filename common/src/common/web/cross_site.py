"""Refuses what a page of another site makes a browser do in its user's name.

By the rules of Go's `net/http.CrossOriginProtection`, which need neither a token nor a cookie: a
browser says itself where a request comes from, and who says nothing is not a browser.
"""

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from common.web.error_responses import ErrorItem, error_response
from common.web.headers import header

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})
CROSS_SITE = "Requests from other sites are refused"


class CrossSiteMiddleware:
    """403 for a request that would change something and was made by another site's page.

    `Sec-Fetch-Site` decides (Fetch Metadata, W3C); older browsers send at least `Origin`. The
    `SameSite` of the session's cookie does not cover other hosts of our own domain.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let our own pages and programs through."""
        if scope["type"] == "http" and scope["method"] not in SAFE and _is_foreign(scope):
            answer = error_response(403, [ErrorItem(message=CROSS_SITE)])
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
