"""The web server's protocol, with limits that it lacks: on the time and size of a request's head.

For `uvicorn --http common.web.head_limit:HeadLimitProtocol`. A middleware would come too late: it
hears of a request when its head is complete. For the body see `body_limit`.
"""

import asyncio
from typing import ClassVar

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOO_LARGE = "The head of the request is too large."

KEEP_ALIVE_SECONDS = 130
"""How long a connection stays open between two requests (uvicorn's --timeout-keep-alive).

Longer than what stands before a service keeps it (nginx 60 s, Traefik 90 s, Caddy 120 s): whoever
hangs up first must not be the one who is being asked. Limits for strangers belong to the edge.
"""


class HeadLimitProtocol(HttpToolsProtocol):
    """Hangs up on who opens a connection and does not come to the point."""

    HEAD_SECONDS: ClassVar[float] = 10
    HEAD_BYTES: ClassVar[int] = 32 * 1024

    _patience: asyncio.TimerHandle | None = None
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
        if self._patience is None:
            return
        self._head_size += len(data)
        if self._head_size > self.HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(TOO_LARGE)

    @override
    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._is_idle = self.cycle.response_complete  # or the next request is here already

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._stop_waiting()
        self._head_size, self._is_idle = 0, False
        self._patience = self.loop.call_later(self.HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
