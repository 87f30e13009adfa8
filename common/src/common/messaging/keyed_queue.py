"""Keyed ordering: jobs of one key run one after another, those of different keys concurrently."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count

Job = Callable[[], Awaitable[float | None]]
"""Returns None when it is done, or the seconds after which it wants to be retried."""

MAX_QUEUED = 4_000
"""How many jobs may queue behind others of their key before that counts as load."""


class _KeyQueue:
    """The waiting jobs of one key, those with the lowest numbers first."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, int, Job]] = []
        self.has_new = asyncio.Event()
        self._arrivals = count()

    def push(self, number: int, job: Job) -> None:
        heappush(self.jobs, (number, next(self._arrivals), job))
        self.has_new.set()

    async def pause(self, seconds: float, number: int) -> None:
        """Until the time is over, or there is a job with a lower number."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.jobs[0][0] >= number:
                    self.has_new.clear()
                    await self.has_new.wait()


class KeyedQueue:
    """Jobs must not raise: an exception would end the queue of their key."""

    def __init__(self) -> None:
        self._queues: dict[str, _KeyQueue] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._queued = 0
        self._is_draining = False

    @property
    def load(self) -> int:
        """How many keys are busy, and how many jobs are queued beyond MAX_QUEUED.

        A queued job costs nothing but memory. If it counted, one busy key would soon hold all that
        may be taken, and the others would wait with it.
        """
        return len(self._queues) + max(0, self._queued - MAX_QUEUED)

    def has_backlog(self, key: str) -> bool:
        """Whether there are jobs behind the one of this key that runs."""
        return bool(self._queues[key].jobs)

    def submit(self, key: str, number: int, job: Job) -> None:
        """Run the job when those of its key with lower numbers are done."""
        if key not in self._queues:
            queue = self._queues[key] = _KeyQueue()
            task = asyncio.create_task(self._run(key, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._push(self._queues[key], number, job)

    def _push(self, queue: _KeyQueue, number: int, job: Job) -> None:
        queue.push(number, job)
        self._queued += 1

    async def _run(self, key: str, queue: _KeyQueue) -> None:
        try:
            while queue.jobs and not self._is_draining:
                number, _, job = heappop(queue.jobs)
                self._queued -= 1
                if seconds := await job():
                    self._push(queue, number, job)
                    await queue.pause(seconds, number)
        finally:
            del self._queues[key]

    async def drain(self, seconds: float) -> None:
        """Start nothing more, and wait for what runs, but not longer than this."""
        self._is_draining = True
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
