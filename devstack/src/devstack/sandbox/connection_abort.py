"""An HTTP protocol whose connection the app can abort without a response, like a broken network."""

import asyncio

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

ABORT = "hang_up"
"""The key in the state of a request of the function that aborts its connection."""


class AbortableProtocol(H11Protocol):
    """Uvicorn's HTTP protocol with an abort, for which ASGI has no message."""

    @override
    def connection_made(  # type: ignore[override]  # as in uvicorn: only TCP comes here
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, ABORT: transport.abort}
