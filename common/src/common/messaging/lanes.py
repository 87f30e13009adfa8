"""One lane per entity: jobs of one key run one after another, of different keys side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]

PARKED = 4_000
"""How many jobs may wait behind others of their lanes before that counts as load."""


class Lanes:
    """Jobs must not raise: an exception would end their lane."""

    def __init__(self) -> None:
        self._parked: dict[str, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def load(self) -> int:
        """How many jobs run, and how many wait beyond the number that may.

        A job that waits costs nothing but memory. If it counted, one busy lane would soon hold all
        that may be taken, and the others would wait with it.
        """
        parked = sum(map(len, self._parked.values()))
        return len(self._parked) + max(0, parked - PARKED)

    def put(self, key: str, job: Job) -> None:
        """Run the job when all earlier ones of its key are done."""
        if key in self._parked:
            self._parked[key].append(job)
            return
        self._parked[key] = deque()
        task = asyncio.create_task(self._run(key, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: str, job: Job) -> None:
        parked = self._parked[key]
        try:
            await job()
            while parked:
                await parked.popleft()()
        finally:
            del self._parked[key]

    async def finish(self, seconds: float) -> None:
        """Forget what waits, and wait for what runs, but not longer than this."""
        for parked in self._parked.values():
            parked.clear()
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
