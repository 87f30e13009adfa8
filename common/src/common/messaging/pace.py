"""Holds back what can wait, so that what people wait for does not stand behind it in a queue."""

import asyncio
import math
import time
from collections.abc import Sequence

from common.errors import Unavailable
from common.messaging.bus import Bus

LOOK_SECONDS = 0.02
STALLED_SECONDS = 5.0
"""A backlog that has not shrunk for so long is that of a service that does not run."""


class Pace:
    """Lets the next page go when those who hear it are through with the last one."""

    def __init__(self, bus: Bus, services: Sequence[str]) -> None:
        self._bus, self._services = bus, services
        self._stalled: dict[str, float] = {}

    async def wait(self, most: int) -> None:
        """Until each service that runs has at most so many messages before it."""
        for service in self._services:
            await self._wait_for(service, most)

    async def _wait_for(self, service: str, most: int) -> None:
        least, shrunk = await self._backlog_of(service), time.monotonic()
        if least >= self._stalled.pop(service, math.inf):
            self._stalled[service] = least
            return
        while least > most:
            await asyncio.sleep(LOOK_SECONDS)
            backlog = await self._backlog_of(service)
            if backlog < least:
                least, shrunk = backlog, time.monotonic()
            elif time.monotonic() - shrunk > STALLED_SECONDS:
                self._stalled[service] = backlog
                return

    async def _backlog_of(self, service: str) -> int:
        try:
            return sum(await self._bus.streams.lag(service))
        except Unavailable:
            return 0  # nobody hears it, or publishing says what is wrong
