"""The reloader of containers: what is changed is run; a failure waits, or ends the container."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devstack.quick import Processes
from devstack.testing import TIMEOUT_SECONDS, eventually

PROGRAM = "import time; print({word!r}, flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); " + PROGRAM
FAILING = "print({word!r}, flush=True); raise SystemExit(3)"


class Container:
    """What a container would run, over a program that a test writes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder / "app", folder / "log"
        self._folder.mkdir()
        self.write("first")

    def write(self, word: str, program: str = PROGRAM, name: str = "program") -> None:
        """Copy a version of the program over the one before."""
        (self._folder / f"{name}.py").write_text(program.format(word=word))

    def start(self) -> None:
        """Run it."""
        command = [sys.executable, "-m", "devstack.reloader", "--watch", str(self._folder)]
        program = [sys.executable, str(self._folder / "program.py")]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 (the command is ours)
                [*command, *program], stdout=log, stderr=log, start_new_session=True
            )

    @property
    def said(self) -> list[str]:
        """What the programs printed."""
        return self._log.read_text().splitlines()

    async def says(self, *words: str) -> None:
        """Wait until this was printed, and nothing else."""

        async def did() -> bool:
            return self.said == [*words]

        await eventually(did, f"it says {words}")

    def kill(self) -> None:
        """End it with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def container(
    processes: Processes,  # noqa: ARG001 - it starts one
    tmp_path: Path,
) -> Iterator[Container]:
    """One that is ended after the test."""
    container = Container(tmp_path)
    yield container
    container.kill()


async def test_a_changed_source_is_run(container: Container) -> None:
    container.start()
    await container.says("first")
    container.write("second")
    await container.says("first", "second")
    container.write("third", name="other")  # a new file is a change, too
    await container.says("first", "second", "second")


def test_a_failed_start_ends_the_container(container: Container) -> None:
    container.write("first", FAILING)
    container.start()
    assert container.process.wait(TIMEOUT_SECONDS) == 3
    assert container.said == ["first"]


async def test_a_failed_reload_waits_for_the_next_change(container: Container) -> None:
    container.start()
    await container.says("first")
    container.write("broken", FAILING)
    await container.says("first", "broken")
    container.write("mended")
    await container.says("first", "broken", "mended")
    assert container.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_all(container: Container, number: signal.Signals) -> None:
    container.start()
    await container.says("first")
    container.process.send_signal(number)
    assert container.process.wait(TIMEOUT_SECONDS) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(container.process.pid, 0)


async def test_hanging_process_is_killed(container: Container) -> None:
    container.write("first", STUBBORN)
    container.start()
    await container.says("first")
    container.write("second")
    await container.says("first", "second")
