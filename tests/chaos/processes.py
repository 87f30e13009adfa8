"""The processes of a stack, to be killed and paused; never one that is not ours."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from devstack.running_stack import RunningStack


class Processes:
    """What runs now, by its process ids."""

    def __init__(self, stack: RunningStack, random: Random) -> None:
        self._stack, self._random = stack, random
        self._paused: set[int] = set()

    def one_of(self, *names: str) -> int | None:
        """A process of one of these services or servers; None when none runs just now."""
        pids = self._stack.now().pids
        running = [pid for name in names for pid in pids[name] if _is_ours(pid)]
        return self._random.choice(running) if running else None

    def member(self, name: str) -> int | None:
        """The process of a member such as `mongod-2`; None when it does not run just now."""
        server, _, number = name.partition("-")
        pid = self._stack.now().pids[server][int(number) - 1]
        return pid if _is_ours(pid) else None

    def send(self, number: signal.Signals, *names: str) -> bool:
        """Signal one of them; whether there was one."""
        return _send(number, self.one_of(*names))

    def send_member(self, number: signal.Signals, name: str) -> bool:
        """Signal a member; whether it was there."""
        return _send(number, self.member(name))

    async def pause(self, seconds: float, *names: str) -> None:
        """Stop one of them for a while, with all its connections open."""
        with self.stopped(self.one_of(*names)):
            await asyncio.sleep(seconds)

    @contextmanager
    def stopped(self, *pids: int | None) -> Iterator[None]:
        """These stand still, as long as the block, unless they do already."""
        ours = {pid for pid in pids if pid is not None} - self._paused
        self._paused |= ours
        try:
            for pid in ours:
                _send(signal.SIGSTOP, pid)
            yield
        finally:
            self._paused -= ours
            for pid in ours:
                if _is_ours(pid):
                    _send(signal.SIGCONT, pid)


def _send(number: signal.Signals, pid: int | None) -> bool:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return pid is not None


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
