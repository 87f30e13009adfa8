"""One lane per entity: jobs of one key run one after another, of different keys side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count

Job = Callable[[], Awaitable[float | None]]
"""Gives None when it is done, or the seconds after which it wants to be tried again."""

PARKED = 4_000
"""How many jobs may wait behind others of their lanes before that counts as load."""


class _Lane:
    """The jobs of one key that do not run now, those with the lowest numbers first."""

    def __init__(self) -> None:
        self.parked: list[tuple[int, int, Job]] = []
        self.look_again = asyncio.Event()
        self._arrivals = count()

    def park(self, number: int, job: Job) -> None:
        heappush(self.parked, (number, next(self._arrivals), job))
        self.look_again.set()

    async def pause(self, seconds: float, number: int) -> None:
        """Until the time is over, or there is something with a lower number."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.parked[0][0] >= number:
                    self.look_again.clear()
                    await self.look_again.wait()


class Lanes:
    """Jobs must not raise: an exception would end their lane."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._parked = 0
        self._is_closing = False

    @property
    def load(self) -> int:
        """How many lanes are busy, and how many jobs wait beyond the number that may.

        A job that waits costs nothing but memory. If it counted, one busy lane would soon hold all
        that may be taken, and the others would wait with it.
        """
        return len(self._lanes) + max(0, self._parked - PARKED)

    def is_waited_for(self, key: str) -> bool:
        """Whether there are jobs behind the one of this key that runs."""
        return bool(self._lanes[key].parked)

    def put(self, key: str, number: int, job: Job) -> None:
        """Run the job when those of its key with lower numbers are done."""
        if key not in self._lanes:
            lane = self._lanes[key] = _Lane()
            task = asyncio.create_task(self._run(key, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._park(self._lanes[key], number, job)

    def _park(self, lane: _Lane, number: int, job: Job) -> None:
        lane.park(number, job)
        self._parked += 1

    async def _run(self, key: str, lane: _Lane) -> None:
        try:
            while lane.parked and not self._is_closing:
                number, _, job = heappop(lane.parked)
                self._parked -= 1
                if seconds := await job():
                    self._park(lane, number, job)
                    await lane.pause(seconds, number)
        finally:
            del self._lanes[key]

    async def finish(self, seconds: float) -> None:
        """Begin nothing more, and wait for what runs, but not longer than this."""
        self._is_closing = True
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
