"""Server-Sent Events (HTML standard, 9.2): responses that send events as they happen."""

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
from common.messaging.event_feed import EventFeed
from common.messaging.topics import Topic
from common.open_files import max_streams

HEARTBEAT_SECONDS = 15.0
READ_SECONDS = 30.0
"""How long a client may not read what was sent; then it is disconnected, and may reconnect."""

RETRY_MS = 2_000
POLL_SECONDS = 1.0

RETRY_PREAMBLE = format_sse_event(retry=RETRY_MS)
HEARTBEAT = format_sse_event(comment="heartbeat")
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class SseSource(Protocol):
    """The events of one client's stream; knows what was sent already."""

    @property
    def is_done(self) -> bool:
        """Whether the stream is complete."""

    async def next_events(self, topic: Topic) -> bytes:
        """What is new since the last call, as Server-Sent Events; may be empty."""


class EventStream(StreamingResponse):
    """A response that disconnects a client which does not read."""

    media_type = "text/event-stream"
    _subscription: AbstractContextManager[Topic]
    _events_of: Callable[[Topic], AsyncIterator[bytes]]

    @classmethod
    def of(cls, feed: EventFeed, topic: str, source: SseSource, limit: int) -> Self:
        """Sends events at once, and after each change of a topic, until the service stops.

        Raises Unavailable when there are `limit` streams already, or as many as there are files
        for, or the bus was never reached.
        """
        if feed.position is None or feed.subscriber_count >= max_streams(limit):
            raise Unavailable("no more event streams")
        stream = cls((), headers=HEADERS)
        stream._subscription, stream._events_of = (
            feed.subscribe(topic),
            partial(_events, feed, source),
        )
        return stream

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._subscription as topic:  # it counts at once, or all who come at once are let in
            self.body_iterator = self._events_of(topic)
            await super().__call__(scope, receive, send)

    @override
    async def stream_response(self, send: Send) -> None:
        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(READ_SECONDS):
                await send(message)

        await super().stream_response(send_soon)


async def _events(feed: EventFeed, source: SseSource, topic: Topic) -> AsyncIterator[bytes]:
    yield RETRY_PREAMBLE
    while not feed.is_closed:
        seen = topic.generation
        try:
            said = await source.next_events(topic)
        except Unavailable:
            await asyncio.sleep(POLL_SECONDS)
            continue
        if said:
            yield said
        if source.is_done:
            return
        if not await topic.wait_for_change(seen, HEARTBEAT_SECONDS):
            yield HEARTBEAT
