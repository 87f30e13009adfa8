"""Work beside the requests: for as long as the service lives, or several pieces at the same time.

Nothing here uses `asyncio.TaskGroup`, which cancels each child once: where a library swallows that
cancellation, the group waits for ever.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

AGAIN_SECONDS = 1.0

T = TypeVar("T")

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
                return await work()
            except asyncio.CancelledError:
                if _is_being_cancelled():
                    raise
                log.exception("background work was cancelled by a library; it begins again")
            except Exception:
                log.exception("background work failed; it begins again")
            await asyncio.sleep(AGAIN_SECONDS)

    async def stop(self) -> None:
        """End all of it."""
        await _end(self._tasks)


async def side_by_side(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of it; the first failure is raised, and that or a cancellation ends the rest."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        for ended in asyncio.as_completed(tasks):
            await ended
    finally:
        await _end(tasks)


async def for_each(
    items: AsyncIterator[T], work: Callable[[T], Coroutine[Any, Any, None]], at_once: int
) -> None:
    """Work at so many items side by side; the next one is asked for when there is room for it."""
    turn = asyncio.Lock()

    async def work_on() -> None:
        while True:
            async with turn:
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            await asyncio.create_task(work(item))  # what it notes for log lines stays its own

    await side_by_side(*(work_on() for _ in range(at_once)))


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until all are gone, whoever swallows it, and even if we are cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        try:
            await asyncio.wait(running, timeout=AGAIN_SECONDS)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
