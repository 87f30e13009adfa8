"""Restarts processes that end by themselves, with exponential backoff."""

import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devstack.process import Process
from devstack.stack import Stack

MIN_DELAY: Final = 0.5
MAX_DELAY: Final = 10.0
RESET_SECONDS: Final = 5.0


@dataclass
class Backoff:
    """Exponential backoff, reset after a while without failures."""

    due: float | None = None
    _delay: float = MIN_DELAY
    _last: float = -math.inf

    def postpone(self) -> float:
        """Set when to try again; returns the seconds until then."""
        now = time.monotonic()
        quiet = now - self._last > RESET_SECONDS
        self._delay = MIN_DELAY if quiet else min(2 * self._delay, MAX_DELAY)
        self._last, self.due = now, now + self._delay
        return self._delay


class Supervisor:
    """Supervises the processes of a running stack."""

    def __init__(self, stack: Stack, log: Callable[[str], None]) -> None:
        self._stack = stack
        self._log = log
        self._backoffs: defaultdict[str, Backoff] = defaultdict(Backoff)

    def restart_ended(self) -> bool:
        """Restart what has ended and is due; returns whether a process has a new pid."""
        ended = [process for process in self._stack.processes if not process.is_running]
        restarted = [process for process in ended if self._restart_if_due(process)]
        return bool(restarted)

    def _restart_if_due(self, process: Process) -> bool:
        backoff = self._backoffs[process.name]
        if backoff.due is None:
            self._note_end(process, backoff)
        elif time.monotonic() >= backoff.due:
            process.spawn()
            backoff.due = None
            self._log(f"{process.name} was started again (pid {process.pid})")
            return True
        return False

    def _note_end(self, process: Process, backoff: Backoff) -> None:
        what = f"{process.name} ended by itself (exit code {process.exit_code})"
        self._log(f"{what}; trying again in {backoff.postpone():g} s")
