"""Background tasks: supervised for the life of the service, or several run concurrently.

Nothing here uses `asyncio.TaskGroup`, which cancels each child once: where a library swallows that
cancellation, the group waits for ever.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

RESTART_SECONDS = 1.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class TaskSupervisor:
    """Restarts tasks that fail, as nobody awaits them."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run this until it returns or `stop` is called."""
        self._tasks.append(asyncio.create_task(self._run(work)))

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await work()
            except asyncio.CancelledError:
                if _is_being_cancelled():
                    raise
                log.exception("a background task was cancelled by a library; restarting it")
            except Exception:
                log.exception("a background task failed; restarting it")
            await asyncio.sleep(RESTART_SECONDS)

    async def stop(self) -> None:
        """Cancel all tasks."""
        await _end(self._tasks)


async def run_concurrently(*works: Coroutine[Any, Any, None]) -> None:
    """Run all; the first failure is raised, and that or a cancellation cancels the rest."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        for ended in asyncio.as_completed(tasks):
            await ended
    finally:
        await _end(tasks)


async def for_each_concurrently(
    items: AsyncIterator[T], work: Callable[[T], Coroutine[Any, Any, None]], limit: int
) -> None:
    """Process at most `limit` items concurrently; the next one is pulled when there is room."""
    turn = asyncio.Lock()

    async def work_on() -> None:
        while True:
            async with turn:
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            await asyncio.create_task(work(item))  # what it notes for log lines stays its own

    await run_concurrently(*(work_on() for _ in range(limit)))


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until all have ended, even if one swallows it or we are cancelled meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        try:
            await asyncio.wait(running, timeout=RESTART_SECONDS)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
