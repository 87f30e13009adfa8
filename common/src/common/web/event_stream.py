"""Server-Sent Events (the HTML standard, 9.2): a long answer that tells what happens as it does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol, Self

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from common.errors import Unavailable
from common.messaging.live import Live
from common.messaging.watches import Watch
from common.open_files import streams_of

HEARTBEAT_SECONDS = 15.0
READ_SECONDS = 30.0
"""How long a client may leave unread what was sent; then it is cut off, and may come back."""

RETRY_MS = 2_000
LOOK_AGAIN_SECONDS = 1.0

HELLO = format_sse_event(retry=RETRY_MS)
HEARTBEAT = format_sse_event(comment="heartbeat")
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Teller(Protocol):
    """Knows what one client has been told already."""

    @property
    def is_done(self) -> bool:
        """Whether nothing can follow."""

    async def tell(self, watch: Watch) -> bytes:
        """What there is to say now, as Server-Sent Events; may be nothing."""


class EventStream(StreamingResponse):
    """A client that reads on, or is cut off."""

    media_type = "text/event-stream"
    _watching: AbstractContextManager[Watch]
    _tell: Callable[[Watch], AsyncIterator[bytes]]

    @classmethod
    def of(cls, live: Live, what: str, teller: Teller, limit: int) -> Self:
        """Tells a client at once, and then after each event of `what`, until the service stops.

        Raises Unavailable when there are `limit` streams already, or as many as there are files
        for, or the bus was never reached.
        """
        if live.place is None or live.followers >= streams_of(limit):
            raise Unavailable("no more event streams")
        stream = cls((), headers=HEADERS)
        stream._watching, stream._tell = live.watching(what), partial(_told, live, teller)
        return stream

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._watching as watch:  # it counts at once, or all who come at once are let in
            self.body_iterator = self._tell(watch)
            await super().__call__(scope, receive, send)

    @override
    async def stream_response(self, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(READ_SECONDS):
                await send(message)

        await super().stream_response(send_soon)


async def _told(live: Live, teller: Teller, watch: Watch) -> AsyncIterator[bytes]:
    yield HELLO
    while not live.is_closed:
        seen = watch.news
        try:
            said = await teller.tell(watch)
        except Unavailable:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            continue
        if said:
            yield said
        if teller.is_done:
            return
        if not await watch.beyond(seen, HEARTBEAT_SECONDS):
            yield HEARTBEAT
