"""Notices processes that end by themselves, and starts them again."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devstack.process import Process
from devstack.stack import Stack

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 10.0
QUIET_SECONDS: Final = 5.0


@dataclass
class Backoff:
    """Waits longer each time, and forgives after a quiet while."""

    due: float | None = None
    _delay: float = FIRST_DELAY
    _last: float = -math.inf

    def postpone(self) -> float:
        """Set when to try again; gives the seconds until then."""
        now = time.monotonic()
        quiet = now - self._last > QUIET_SECONDS
        self._delay = FIRST_DELAY if quiet else min(2 * self._delay, LONGEST_DELAY)
        self._last, self.due = now, now + self._delay
        return self._delay


class Supervision:
    """Looks after a running stack."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._say = say
        self._backoffs: defaultdict[str, Backoff] = defaultdict(Backoff)

    def look(self) -> bool:
        """Attend to everything that has ended; says whether something has a new pid now."""
        ended = [process for process in self._stack.processes if not process.is_running]
        restarted = [process for process in ended if self._attend(process)]
        return bool(restarted)

    def _attend(self, process: Process) -> bool:
        backoff = self._backoffs[process.name]
        if backoff.due is None:
            self._note_end(process, backoff)
        elif time.monotonic() >= backoff.due:
            process.spawn()
            backoff.due = None
            self._say(f"{process.name} was started again (pid {process.pid})")
            return True
        return False

    def _note_end(self, process: Process, backoff: Backoff) -> None:
        what = f"{process.name} ended by itself (exit code {process.exit_code})"
        self._say(f"{what}; trying again in {backoff.postpone():g} s")
