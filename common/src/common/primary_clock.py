"""Has the clock hear what time it is at the primary, with each heartbeat of MongoDB's driver."""

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
    """Every answer of a primary to `hello` says its time: before the first operation, then always.

    The driver calls this in threads of its own. An answer that was asked for was given since then;
    those that a member gives by itself (`awaited`) may have waited for as long as they like.
    """

    def __init__(self) -> None:
        self._asked_at: dict[object, float] = {}

    @override
    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """A member is asked, or will say something by itself."""
        self._asked_at[event.connection_id] = time.monotonic()

    @override
    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """A member has answered."""
        said = event.reply.document.get("localTime")
        if event.reply.is_writable and isinstance(said, datetime):
            asked_at = self._asked_at[event.connection_id]
            waited = 0.0 if event.awaited else time.monotonic() - asked_at
            clock.service.hear(said.replace(tzinfo=UTC), event.connection_id, waited)
            ahead = clock.service.machine_ahead
            if abs(ahead) > SKEW_SECONDS:
                rate_limited.warning("clocks differ", machine_ahead_seconds=round(ahead))

    @override
    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """Nothing was said."""
