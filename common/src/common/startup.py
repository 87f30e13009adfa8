"""Startup: a service serves requests only after its indexes exist, and reports what is missing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from common.errors import Refused, Unavailable
from common.indexes import no_timeout
from common.logs import RateLimitedLog
from common.mongo import Database

RETRY_SECONDS = 0.5
OPERATOR_SECONDS = 30.0
"""How soon to retry what an operator has to repair: each try may build an index in vain."""

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Startup:
    """Whether a service has started. Until then only its probes are answered."""

    def __init__(self) -> None:
        self._problem = "not begun"
        self._indexes_building: Callable[[], str] = str
        self.is_complete = False
        """Set by the service when it starts serving."""

    @property
    def unready_reason(self) -> str:
        """Why the service has not started; empty once it has."""
        return "" if self.is_complete else self._indexes_building() or self._problem

    async def run(self, database: Database, prepare: Callable[[], Awaitable[None]]) -> None:
        """Retry `prepare` until it succeeds: without indexes a service breaks its guarantees."""
        self._indexes_building = lambda: database.indexes.building
        pause = await self._try(prepare)
        while pause:
            await asyncio.sleep(pause)
            pause = await self._try(prepare)

    async def _try(self, prepare: Callable[[], Awaitable[None]]) -> float:
        """In how many seconds to retry; 0 when it has succeeded."""
        try:
            with no_timeout():
                await prepare()
        except Refused as error:
            self._problem = str(error)
            log.error("somebody has to act before the service can begin: %s", error)  # noqa: TRY400
            return OPERATOR_SECONDS
        except Unavailable as error:
            self._problem = str(error)
            rate_limited.warning("waiting for MongoDB", error=str(error))
            return RETRY_SECONDS
        return 0.0
