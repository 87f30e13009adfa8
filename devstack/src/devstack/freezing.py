"""Pauses processes (SIGSTOP): they keep their connections, and do not respond."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

STANDING = frozenset({"T", "Z", "X"})
"""The kernel's states of threads that are stopped, or have ended."""


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """They stand still for as long as the block; one that ends meanwhile has ended.

    The signal alone is not enough: on a busy machine a process goes on until one of its threads
    has been given a turn to hear of it.
    """
    with ExitStack() as afterwards:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            afterwards.callback(thaw, pid)
        while not all(map(_is_still, pids)):
            time.sleep(0.001)
        yield


def thaw(pid: int) -> None:
    """Resume the process, if it still exists."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _is_still(pid: int) -> bool:
    """Whether all threads are stopped, or the process has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        threads = Path(f"/proc/{pid}/task").glob("*/stat")
        states = (thread.read_text().rpartition(")")[2].split()[0] for thread in threads)
        return all(state in STANDING for state in states)
    return True
