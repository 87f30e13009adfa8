"""A watchdog: resubscribes when no message or heartbeat arrives any more."""

import asyncio
import math
import time

from common.messaging.bus import Bus
from common.messaging.delivery import HEARTBEAT_SECONDS

TIMEOUT_SECONDS = 2.5 * HEARTBEAT_SECONDS
MAX_TIMEOUT_SECONDS = 8 * TIMEOUT_SECONDS
"""Over a slow line the first heartbeat takes longer: the timeout doubles after each failure."""


class Watchdog:
    """Has the bus resubscribe when there is no heartbeat within the timeout."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._timeout = TIMEOUT_SECONDS
        self._seen = time.monotonic()
        self._is_seen = True
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Arm it: from now on there should be heartbeats, until `stop`."""
        self._timeout = (
            TIMEOUT_SECONDS if self._is_seen else min(2 * self._timeout, MAX_TIMEOUT_SECONDS)
        )
        self._seen, self._is_seen = time.monotonic(), False
        self._task = self._task or asyncio.create_task(self._watch())

    def seen(self) -> None:
        """A message or heartbeat arrived."""
        self._seen, self._is_seen, self._timeout = time.monotonic(), True, TIMEOUT_SECONDS

    def missed(self) -> None:
        """No more will arrive: expire now."""
        self._seen = -math.inf

    def stop(self) -> None:
        """Disarm it."""
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self._bus.is_connected and time.monotonic() - self._seen > self._timeout:
                self._bus.resubscribe_soon()
