"""Notices that nothing comes any more of what NATS was asked to send."""

import asyncio
import math
import time

from common.messaging.bus import Bus
from common.messaging.delivery import HEARTBEAT_SECONDS

PATIENCE = 2.5 * HEARTBEAT_SECONDS
LONGEST_PATIENCE = 8 * PATIENCE
"""Over a slow line the first sign of life takes longer: twice the time after each in vain."""


class Watchdog:
    """Has the bus prepare again, until somebody asks anew, when there is no sign of life."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._patience = PATIENCE
        self._seen = time.monotonic()
        self._is_seen = True
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """NATS was asked: from now on there should be signs of life, until `stop`."""
        self._patience = PATIENCE if self._is_seen else min(2 * self._patience, LONGEST_PATIENCE)
        self._seen, self._is_seen = time.monotonic(), False
        self._task = self._task or asyncio.create_task(self._watch())

    def seen(self) -> None:
        """There was one; the next ones follow it as fast as over any line."""
        self._seen, self._is_seen, self._patience = time.monotonic(), True, PATIENCE

    def missed(self) -> None:
        """There will be none."""
        self._seen = -math.inf

    def stop(self) -> None:
        """It does not matter any more."""
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self._bus.is_connected and time.monotonic() - self._seen > self._patience:
                self._bus.resubscribe_soon()
