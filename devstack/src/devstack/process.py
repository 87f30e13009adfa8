"""A child process that is started, watched and stopped, and never outlives its parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from devstack import die_with_parent
from devstack.errors import StartFailed
from devstack.settings import InheritedEnvironment

DIE_WITH_PARENT = (sys.executable, "-I", "-S", die_with_parent.__file__)
POLL_SECONDS = 0.05
TAIL_LINES = 30
LINE_LENGTH = 300


@dataclass(frozen=True)
class Program:
    """A command, and its readiness probe."""

    name: str
    command: tuple[str, ...]
    log: Path
    is_ready: Callable[[], bool]
    variables: Mapping[str, str] = field(default_factory=dict)


class Process:
    """One program, which can be started and stopped any number of times."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The name in logs and messages."""
        return self.program.name

    @property
    def pid(self) -> int:
        """The process id of the latest start."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs, and before it was first started."""
        return None if self._child is None else self._child.poll()

    @property
    def is_running(self) -> bool:
        """Whether there is a process now."""
        return self._child is not None and self._child.poll() is None

    def start(self, seconds: float = 30.0) -> None:
        """Start it and wait until it is ready."""
        self.spawn()
        wait_until_ready([self], seconds)

    def ensure_running(self) -> None:
        """Start it unless it runs."""
        if not self.is_running:
            self.start()

    def spawn(self) -> None:
        """Start it without waiting, in a session of its own: Ctrl-C reaches the launcher only."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the kernel would end the child together with this thread")
        self.program.log.parent.mkdir(parents=True, exist_ok=True)
        with self.program.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 (the command is ours)
                [*DIE_WITH_PARENT, str(os.getpid()), *self.program.command],
                env={**InheritedEnvironment().variables(), **self.program.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Whether it is ready; raises StartFailed when it has ended."""
        if not self.is_running:
            raise StartFailed(f"{self.name} ended ({self.exit_code})\n{self.last_lines()}")
        return self.program.is_ready()

    def stop(self, grace: float = 8.0) -> None:
        """Send SIGTERM, and SIGKILL when it still runs after `grace` seconds."""
        self.terminate()
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(grace)
        self.kill()

    def terminate(self) -> None:
        """Send SIGTERM without waiting."""
        self._send(signal.SIGTERM)

    def interrupt(self) -> None:
        """Send SIGINT without waiting."""
        self._send(signal.SIGINT)

    def kill(self) -> None:
        """Send SIGKILL, like a crash, and wait."""
        self._send(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def last_lines(self) -> str:
        """The end of its log."""
        if not self.program.log.exists():
            return ""
        lines = self.program.log.read_text(errors="replace").splitlines()
        return "\n".join(line[:LINE_LENGTH] for line in lines[-TAIL_LINES:])

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None and self.is_running:
            self._child.send_signal(number)


def poll_pause() -> None:
    """The pause between two polls."""
    time.sleep(POLL_SECONDS)


def wait_until_ready(
    processes: Sequence[Process], seconds: float, pause: Callable[[], None] = poll_pause
) -> None:
    """Wait until all are ready; StartFailed when one ends or the time is over."""
    deadline = time.monotonic() + seconds
    waiting = processes
    while waiting := [process for process in waiting if not process.is_ready()]:
        if time.monotonic() > deadline:
            late = waiting[0]
            raise StartFailed(f"{late.name} was not ready in {seconds:.0f} s\n{late.last_lines()}")
        pause()
