"""The session middleware: verifies the cookie or bearer token of each request."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from common import logs
from common.web.headers import header
from common.web.tokens import Principal, verify

COOKIE = "session"


class SessionMiddleware:
    """Sets `request.state.user` to a Principal, or None: an invalid token is anonymous."""

    def __init__(self, app: ASGIApp, *, public_keys: str) -> None:
        self._app, self._public_keys = app, public_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify the session and pass on the request."""
        if scope["type"] == "http":
            user = self._user(scope)
            scope.setdefault("state", {})["user"] = user
            if user:
                logs.context.set({**logs.context.get(), "user_id": user.id})
        await self._app(scope, receive, send)

    def _user(self, scope: Scope) -> Principal | None:
        scheme, _, bearer = header(scope, b"authorization").partition(" ")
        token = bearer.strip() if scheme.lower() == "bearer" else _cookie(scope)
        return verify(token, self._public_keys) if token else None


def _cookie(scope: Scope) -> str | None:
    return HTTPConnection(scope).cookies.get(COOKIE) if header(scope, b"cookie") else None
