"""The web server's protocol, with limits on the time and size of a request's head.

For `uvicorn --http common.web.head_limit:HeadLimitProtocol`. A middleware would come too late: it
is called when the head is complete. For the body see `body_limit`.
"""

import asyncio
from typing import ClassVar

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOO_LARGE = "The head of the request is too large."

KEEP_ALIVE_SECONDS = 130
"""How long a connection stays open between two requests (uvicorn's --timeout-keep-alive).

Longer than what stands before a service keeps it (nginx 60 s, Traefik 90 s, Caddy 120 s): the
client side has to close first. Limits for strangers belong to the edge.
"""


class HeadLimitProtocol(HttpToolsProtocol):
    """Closes a connection whose head is too slow or too large."""

    HEAD_SECONDS: ClassVar[float] = 10
    HEAD_BYTES: ClassVar[int] = 32 * 1024

    _head_timer: asyncio.TimerHandle | None = None
    _head_size = 0
    _is_idle = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._expect_head()

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self._expect_head()
        super().data_received(data)
        if self._head_timer is None:
            return
        self._head_size += len(data)
        if self._head_size > self.HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(TOO_LARGE)

    @override
    def on_headers_complete(self) -> None:
        self._cancel_timer()
        super().on_headers_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._is_idle = self.cycle.response_complete  # or the next request is here already

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._cancel_timer()
        self._head_size, self._is_idle = 0, False
        self._head_timer = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _cancel_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
