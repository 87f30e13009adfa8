"""A browser's `EventSource`, as far as tests need one: it shows all, and reconnects when asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from httpx import AsyncClient, HTTPError, Response

from devstack.testing import eventually

RETRY_SECONDS = 1.0
"""Shorter than a browser's, and long enough to miss something that is not told afterwards."""


@dataclass
class Said:
    """One event, as it came."""

    event: str
    data: Any
    id: str


@dataclass
class EventSource:
    """One stream, read to its end in the background; a browser would then open it anew."""

    said: list[Said] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    retry: int | None = None
    last_event_id: str | None = None
    opened: int = 0
    is_open: bool = False
    _fields: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """What a browser sends besides its cookies."""
        resume = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
        return {"Accept": "text/event-stream", "Accept-Encoding": "gzip", **resume}

    def _line(self, line: str) -> None:
        """By the rules of the HTML standard, 9.2.6."""
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
            self.said.append(Said(fields.get("event", "message"), data, fields.get("id", "")))

    async def read(self, response: Response) -> None:
        """All that one answer says."""
        self._fields, self.is_open = {}, True
        self.opened += 1
        try:
            async for line in response.aiter_lines():
                self._line(line)
        finally:
            self.is_open = False

    async def hears(self, count: int) -> list[Said]:
        """Wait until so much was said in all."""

        async def enough() -> bool:
            return len(self.said) >= count

        await eventually(enough, f"{count} events, heard {self.said}")
        return self.said

    async def opens(self, times: int = 1) -> None:
        """Wait until it has been opened so often, and is open."""

        async def there() -> bool:
            return self.opened >= times and self.is_open and self.retry is not None

        await eventually(there, "the stream opens")

    async def ends(self) -> None:
        """Wait until the server has ended it."""

        async def over() -> bool:
            return not self.is_open

        await eventually(over, "the stream ends")


@asynccontextmanager
async def listening(
    client: AsyncClient,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    last_event_id: str | None = None,
    again: bool = False,
) -> AsyncIterator[EventSource]:
    """Hear a stream for as long as the block; `again` opens it anew whenever it breaks."""
    source = EventSource(last_event_id=last_event_id)
    task = asyncio.create_task(_hear(client, path, headers or {}, source, again))
    try:
        await source.opens()
        yield source
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _hear(
    client: AsyncClient, path: str, headers: dict[str, str], source: EventSource, again: bool
) -> None:
    while True:
        try:
            headers = headers | source.headers
            async with client.stream("GET", path, headers=headers, timeout=60) as response:
                if response.status_code == 200:
                    await source.read(response)
        except HTTPError:
            if not again:
                raise
        if not again:
            return
        await asyncio.sleep(RETRY_SECONDS)
