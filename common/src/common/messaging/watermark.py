"""Up to when everything that an owner made has been applied by a service that keeps copies of it.

The term is that of stream processing: nothing older than the watermark is still to come. So an id
from before it that is not found does not exist, and of a younger one nobody can say so.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common import clock
from common.contracts.questions import Question, Watermark, subject_of
from common.errors import Unavailable
from common.messaging.bus import Bus

LAG = timedelta(seconds=10)
"""How far the owner's word stays behind its clock: longer than a write, with its retries, may be
under way, and than clocks are apart."""

APART_SECONDS = 0.5
"""How often the owner is asked at most, however many ids nobody has heard of."""

HEARD_SECONDS = 1.0
"""How long to wait until what is in the stream has been heard, too."""

LOOK_AGAIN_SECONDS = 0.05


async def say_watermark(waiting_since: Callable[[], Awaitable[datetime | None]]) -> bytes:
    """The owner's answer; `waiting_since` gives the first moment that is not announced yet."""
    now = clock.now()
    since = await waiting_since()
    moment = min(now, since or now) - LAG
    return Watermark(moment=moment).model_dump_json().encode()


class CopyWatermark:
    """How far the copies of one owner's aggregates reach, in one service.

    `is_whole` looks whether events were lost: then nobody knows what the copies lack.
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
        """Whether all that was made until then has certainly been heard here; it never waits long.

        Without an answer (NATS or the owner is away) it is known only for what it was known before.
        """
        if moment > self._moment:
            async with self._asking:
                if moment > self._moment and time.monotonic() - self._asked >= APART_SECONDS:
                    await self._ask()
                    self._asked = time.monotonic()
        return moment <= self._moment

    async def _ask(self) -> None:
        try:
            said = await self._bus.requests.ask(subject_of(Question.WATERMARK, self._owner))
            owners = Watermark.model_validate_json(said).moment
            if await self._has_heard_all() and await self._is_whole():
                self._moment = max(self._moment, owners)
        except (Unavailable, ValueError):
            return

    async def _has_heard_all(self) -> bool:
        """Whether all that is in the stream now is acknowledged, or is in a moment."""
        until = time.monotonic() + HEARD_SECONDS
        begun = await self._bus.streams.progress_of(self._service)
        while time.monotonic() < until:
            now = await self._bus.streams.progress_of(self._service)
            if now.is_through or now.acknowledged >= begun.last:
                return True
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return False
