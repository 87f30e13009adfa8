"""One lane per entity: jobs of one key run one after another, of different keys side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]


class Lanes:
    """Jobs must not raise: an exception would end their lane."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, key: str, job: Job) -> None:
        """Run the job when all earlier ones of its key are done."""
        if key in self._waiting:
            self._waiting[key].append(job)
            return
        self._waiting[key] = deque([job])
        task = asyncio.create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: str) -> None:
        jobs = self._waiting[key]
        try:
            while jobs:
                await jobs.popleft()()
        finally:
            del self._waiting[key]

    async def finish(self, seconds: float) -> None:
        """Wait for the jobs that are there, but not longer than this."""
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
