"""Has the clock hear what time it is at the primary, with each heartbeat of MongoDB's driver."""

import logging
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

DIFFERENT_SECONDS = 1.0

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class PrimaryClock(ServerHeartbeatListener):
    """Every answer of a primary to `hello` says its time: before the first operation, then always.

    The driver calls this in threads of its own.
    """

    @override
    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """Nothing is known yet."""

    @override
    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """A member has answered."""
        said = event.reply.document.get("localTime")
        if event.reply.is_writable and isinstance(said, datetime):
            clock.service.hear(said.replace(tzinfo=UTC), event.connection_id)
            ahead = clock.service.machine_ahead
            if abs(ahead) > DIFFERENT_SECONDS:
                rate_limited.warning("clocks differ", machine_ahead_seconds=round(ahead))

    @override
    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """Nothing was said."""
