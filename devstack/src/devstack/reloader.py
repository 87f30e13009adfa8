"""`python -m devstack.reloader --watch FOLDER COMMAND...`: restarts it when a source changes.

For containers of `skaffold dev`, into which changed sources are copied. A command that fails before
anything was changed ends the container, so that Kubernetes sees it and starts another one. After a
change it does not: a new container would begin with the sources of its image. The reloader waits
for the next change then.
"""

import argparse
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

POLL_SECONDS = 0.25
STOP_SECONDS = 10.0
"""How long the command may take to stop before it is killed."""

Sources = Mapping[Path, int]
"""When each file was changed, in nanoseconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line until a signal, or until it fails by itself."""
    parser = argparse.ArgumentParser(prog="python -m devstack.reloader", description=__doc__)
    parser.add_argument("--watch", type=Path, action="append", required=True, metavar="FOLDER")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    return Reloader(chosen.command, chosen.watch).run(stopping)


class Reloader:
    """One run of a command after the other."""

    def __init__(self, command: Sequence[str], folders: Sequence[Path]) -> None:
        self._command, self._folders = command, folders
        self._was_changed = False

    def run(self, stopping: threading.Event) -> int:
        """Returns 0 when it is to stop, and else the code of a first run that failed."""
        seen, process = self._sources(), self._start()
        while not stopping.wait(POLL_SECONDS):
            if (found := self._sources()) != seen:
                seen = self._settled(found, stopping)
                _stop(process)
                self._was_changed, process = True, self._start()
            elif process.poll() is not None and not self._was_changed:
                return process.returncode
        _stop(process)
        return 0

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command)  # noqa: S603 (it runs what it is told to)

    def _sources(self) -> Sources:
        files = (file for folder in self._folders for file in folder.rglob("*.py"))
        return {file: changed for file in files if (changed := _changed_at(file))}

    def _settled(self, found: Sources, stopping: threading.Event) -> Sources:
        """Several files that are copied together are one change."""
        while not stopping.wait(POLL_SECONDS) and (later := self._sources()) != found:
            found = later
        return found


def _changed_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:  # replaced at this moment
        return 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
