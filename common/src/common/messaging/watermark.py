"""The watermark of a read model: everything created until then has been applied to it.

The term is that of stream processing: nothing older than the watermark is still to come. So an id
from before it that is not found does not exist, and of a younger one nobody can say so.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common import clock
from common.contracts.requests import ServiceRequest, Watermark, request_subject
from common.errors import Unavailable
from common.messaging.bus import Bus

WATERMARK_DELAY = timedelta(seconds=10)
"""How far the owner's watermark stays behind its clock: longer than a write with its retries takes,
and than clocks differ."""

REQUEST_INTERVAL = 0.5
"""How often the owner is asked at most, however many unknown ids there are."""

CATCH_UP_SECONDS = 1.0
"""How long to wait for the consumer to catch up with the stream."""

POLL_SECONDS = 0.05


async def watermark_reply(pending_since: Callable[[], Awaitable[datetime | None]]) -> bytes:
    """The owner's reply; `pending_since` returns the time of the oldest pending outbox entry."""
    now = clock.now()
    since = await pending_since()
    moment = min(now, since or now) - WATERMARK_DELAY
    return Watermark(moment=moment).model_dump_json().encode()


class ReadModelWatermark:
    """The watermark of the read models of one owner's aggregates, in one service.

    `is_whole` tells whether no events were lost; after a loss the watermark does not advance.
    """

    def __init__(
        self, bus: Bus, service: str, owner: str, is_whole: Callable[[], Awaitable[bool]]
    ) -> None:
        self._bus, self._service, self._owner = bus, service, owner
        self._is_whole = is_whole
        self._moment = clock.EPOCH
        self._asking = asyncio.Lock()
        self._asked = -math.inf

    async def has_passed(self, moment: datetime) -> bool:
        """Whether all that was created until then has certainly been applied; it never waits long.

        Without a reply (NATS or the owner is down) the watermark stays where it was.
        """
        if moment > self._moment:
            async with self._asking:
                if moment > self._moment and time.monotonic() - self._asked >= REQUEST_INTERVAL:
                    await self._ask()
                    self._asked = time.monotonic()
        return moment <= self._moment

    async def _ask(self) -> None:
        try:
            said = await self._bus.requests.send(
                request_subject(ServiceRequest.WATERMARK, self._owner)
            )
            owners = Watermark.model_validate_json(said).moment
            if await self._has_caught_up() and await self._is_whole():
                self._moment = max(self._moment, owners)
        except (Unavailable, ValueError):
            return

    async def _has_caught_up(self) -> bool:
        """Whether all that is in the stream now is acknowledged, now or in a moment."""
        until = time.monotonic() + CATCH_UP_SECONDS
        begun = await self._bus.streams.progress(self._service)
        while time.monotonic() < until:
            now = await self._bus.streams.progress(self._service)
            if now.is_caught_up or now.acknowledged >= begun.last:
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False
