"""Work that goes on beside the requests for as long as the service lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

AGAIN_SECONDS = 1.0

log = logging.getLogger(__name__)


class Background:
    """Tasks that are begun again when they fail, because nobody waits for them to notice."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this work until it ends by itself or the service stops."""
        self._tasks.append(asyncio.create_task(self._keep(work)))

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("background work failed; it begins again")
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def stop(self) -> None:
        """End all of it; asks again, because a library may swallow a cancellation."""
        while running := [task for task in self._tasks if not task.done()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=AGAIN_SECONDS)
