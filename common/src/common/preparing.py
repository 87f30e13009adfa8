"""What has to be there before a service may serve: it waits for that, and says for what."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from common.errors import Refused, Unavailable
from common.indexes import no_timeout
from common.logs import RateLimitedLog
from common.mongo import Database

TRY_AGAIN_SECONDS = 0.5
PERSON_SECONDS = 30.0
"""How soon to look again whether somebody has mended it: each look may build an index in vain."""

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Preparation:
    """Whether a service has begun. Until then its probes are answered, and nothing else."""

    def __init__(self) -> None:
        self._problem = "not begun"
        self._indexes_building: Callable[[], str] = str
        self.is_done = False
        """Set by who begins with the work."""

    @property
    def waits_for(self) -> str:
        """What keeps the service from beginning; empty once it has begun."""
        return "" if self.is_done else self._indexes_building() or self._problem

    async def prepare(self, database: Database, prepare: Callable[[], Awaitable[None]]) -> None:
        """Wait until `prepare` succeeds: without its indexes a service would break its promises."""
        self._indexes_building = lambda: database.indexes.building
        pause = await self._try(prepare)
        while pause:
            await asyncio.sleep(pause)
            pause = await self._try(prepare)

    async def _try(self, prepare: Callable[[], Awaitable[None]]) -> float:
        """In how many seconds to try again; 0 when it has succeeded."""
        try:
            with no_timeout():
                await prepare()
        except Refused as error:
            self._problem = str(error)
            log.error("somebody has to act before the service can begin: %s", error)  # noqa: TRY400
            return PERSON_SECONDS
        except Unavailable as error:
            self._problem = str(error)
            rate_limited.warning("waiting for MongoDB", error=str(error))
            return TRY_AGAIN_SECONDS
        return 0.0
