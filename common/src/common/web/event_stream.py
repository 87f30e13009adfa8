"""Server-Sent Events (the HTML standard, 9.2): a long answer that tells what happens as it does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, Self

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Message, Send
from typing_extensions import override

from common.errors import Unavailable
from common.messaging.live import Live
from common.messaging.watches import Watch

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

    @classmethod
    def of(cls, live: Live, what: str, teller: Teller, limit: int) -> Self:
        """Tells a client at once, and then after each event of `what`, until the service stops.

        Raises Unavailable when there are `limit` streams already, or the bus was never reached.
        """
        if live.place is None or live.followers >= limit:
            raise Unavailable("no more event streams")
        return cls(_told(live, what, teller), headers=HEADERS)

    @override
    async def stream_response(self, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(READ_SECONDS):
                await send(message)

        await super().stream_response(send_soon)


async def _told(live: Live, what: str, teller: Teller) -> AsyncIterator[bytes]:
    yield HELLO
    with live.watching(what) as watch:
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
