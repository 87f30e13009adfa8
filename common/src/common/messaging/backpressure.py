"""Backpressure: holds back republished snapshots while consumers lag behind."""

import asyncio
import math
import time
from collections.abc import Sequence

from common.errors import Unavailable
from common.messaging.bus import Bus

POLL_SECONDS = 0.02
STALLED_SECONDS = 5.0
"""A lag that has not shrunk for so long is that of a service that does not run."""


class Backpressure:
    """Waits until the subscribers have consumed the last batch."""

    def __init__(self, bus: Bus, services: Sequence[str]) -> None:
        self._bus, self._services = bus, services
        self._stalled: dict[str, float] = {}

    async def wait_for_lag(self, most: int) -> None:
        """Until the lag of each running service is at most this."""
        for service in self._services:
            await self._wait_for(service, most)

    async def _wait_for(self, service: str, most: int) -> None:
        least, shrunk = await self._lag(service), time.monotonic()
        if least >= self._stalled.pop(service, math.inf):
            self._stalled[service] = least
            return
        while least > most:
            await asyncio.sleep(POLL_SECONDS)
            backlog = await self._lag(service)
            if backlog < least:
                least, shrunk = backlog, time.monotonic()
            elif time.monotonic() - shrunk > STALLED_SECONDS:
                self._stalled[service] = backlog
                return

    async def _lag(self, service: str) -> int:
        try:
            return sum(await self._bus.streams.lag(service))
        except Unavailable:
            return 0  # it has no consumer, or publishing reports what is wrong
