"""The processes of a stack, to be killed and paused; never one that is not ours."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from random import Random

from devstack.headless import Stack


class Processes:
    """What runs now, by its process ids."""

    def __init__(self, stack: Stack, random: Random) -> None:
        self._stack, self._random = stack, random
        self._paused: set[int] = set()

    def one_of(self, *names: str) -> int | None:
        """A process of one of these services or servers; None when none runs just now."""
        pids = self._stack.now().pids
        running = [pid for name in names for pid in pids[name] if _is_ours(pid)]
        return self._random.choice(running) if running else None

    def send(self, number: signal.Signals, *names: str) -> bool:
        """Signal one of them; whether there was one."""
        pid = self.one_of(*names)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid is not None

    async def pause(self, seconds: float, *names: str) -> None:
        """Stop one of them for a while, with all its connections open."""
        pid = self.one_of(*names)
        if pid is None or pid in self._paused:
            return
        self._paused.add(pid)
        try:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
        finally:
            self._paused.discard(pid)
            if _is_ours(pid):
                os.kill(pid, signal.SIGCONT)


def _is_ours(pid: int) -> bool:
    """Whether it is a child of a launcher that we have started: ids are used again."""
    launcher = _parent(pid)
    return launcher is not None and _parent(launcher) == os.getpid()


def _parent(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(status.rpartition(")")[2].split()[1])
