"""Synchronizes the clock with the primary's, at each heartbeat of MongoDB's driver."""

import logging
import time
from datetime import UTC, datetime

from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)
from typing_extensions import override

from common import clock
from common.logs import RateLimitedLog

SKEW_SECONDS = 1.0

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class PrimaryClock(ServerHeartbeatListener):
    """Every reply of a primary to `hello` has its time: from before the first operation on.

    The driver calls this in threads of its own. A requested reply was sent since the request;
    one that a member streams by itself (`awaited`) may be older.
    """

    def __init__(self) -> None:
        self._asked_at: dict[object, float] = {}

    @override
    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """A heartbeat is requested, or awaited."""
        self._asked_at[event.connection_id] = time.monotonic()

    @override
    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """A member has replied."""
        sent = event.reply.document.get("localTime")
        if event.reply.is_writable and isinstance(sent, datetime):
            asked_at = self._asked_at[event.connection_id]
            waited = 0.0 if event.awaited else time.monotonic() - asked_at
            clock.service.observe(sent.replace(tzinfo=UTC), event.connection_id, waited)
            ahead = clock.service.machine_ahead
            if abs(ahead) > SKEW_SECONDS:
                rate_limited.warning("clocks differ", machine_ahead_seconds=round(ahead))

    @override
    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """There was no reply."""
