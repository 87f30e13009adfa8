"""A client of Server-Sent Events like a browser's `EventSource`, for tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from httpx import AsyncClient, HTTPError, Response

from devstack.testing import eventually

RETRY_SECONDS = 1.0
"""Shorter than a browser's, and long enough to miss events that are not replayed."""


@dataclass
class SseEvent:
    """One event as received."""

    type: str
    data: Any
    id: str


@dataclass
class EventSource:
    """One stream, read to its end in the background."""

    events: list[SseEvent] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    retry: int | None = None
    last_event_id: str | None = None
    opened: int = 0
    is_open: bool = False
    _fields: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The request headers that a browser sends, besides cookies."""
        resume = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
        return {"Accept": "text/event-stream", "Accept-Encoding": "gzip", **resume}

    def _line(self, line: str) -> None:
        """Parse a line (HTML standard, 9.2.6)."""
        if line.startswith(":"):
            self.comments.append(line[1:].strip())
        elif line:
            name, _, value = line.partition(": ")
            self._fields[name] = value
        else:
            self._dispatch()

    def _dispatch(self) -> None:
        fields, self._fields = self._fields, {}
        self.last_event_id = fields.get("id", self.last_event_id)
        if "retry" in fields:
            self.retry = int(fields["retry"])
        if "data" in fields:
            data = json.loads(fields["data"])
            self.events.append(SseEvent(fields.get("event", "message"), data, fields.get("id", "")))

    async def read(self, response: Response) -> None:
        """Read one response to its end."""
        self._fields, self.is_open = {}, True
        self.opened += 1
        try:
            async for line in response.aiter_lines():
                self._line(line)
        finally:
            self.is_open = False

    async def wait_for(self, count: int) -> list[SseEvent]:
        """Wait until so many events have been received in all."""

        async def enough() -> bool:
            return len(self.events) >= count

        await eventually(enough, f"{count} events, received {self.events}")
        return self.events

    async def wait_open(self, times: int = 1) -> None:
        """Wait until the stream has been opened so often, and is open."""

        async def there() -> bool:
            return self.opened >= times and self.is_open and self.retry is not None

        await eventually(there, "the stream opens")

    async def wait_closed(self) -> None:
        """Wait until the server has ended it."""

        async def over() -> bool:
            return not self.is_open

        await eventually(over, "the stream ends")


@asynccontextmanager
async def open_event_source(
    client: AsyncClient,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    last_event_id: str | None = None,
    reconnect: bool = False,
) -> AsyncIterator[EventSource]:
    """An open stream for the duration of the block; `reconnect` opens it again when it breaks."""
    source = EventSource(last_event_id=last_event_id)
    task = asyncio.create_task(_read_events(client, path, headers or {}, source, reconnect))
    try:
        await source.wait_open()
        yield source
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _read_events(
    client: AsyncClient, path: str, headers: dict[str, str], source: EventSource, reconnect: bool
) -> None:
    while True:
        try:
            headers = headers | source.headers
            async with client.stream("GET", path, headers=headers, timeout=60) as response:
                if response.status_code == 200:
                    await source.read(response)
        except HTTPError:
            if not reconnect:
                raise
        if not reconnect:
            return
        await asyncio.sleep(RETRY_SECONDS)
