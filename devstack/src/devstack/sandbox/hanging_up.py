"""A web server's connection that the app can cut without a word, as a broken network does."""

import asyncio

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

HANG_UP = "hang_up"
"""Under which name the state of a request holds the function that cuts its connection."""


class AbruptProtocol(H11Protocol):
    """HTTP as uvicorn speaks it; ASGI has no way to say nothing, so the way leads around it."""

    @override
    def connection_made(  # type: ignore[override]  # as in uvicorn: only TCP comes here
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, HANG_UP: transport.abort}
