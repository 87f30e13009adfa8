"""Child processes, which never outlive the one that started them."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devstack.errors import StartFailed
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.testing import TIMEOUT_SECONDS

STUBBORN = "trap '' TERM; touch $0; while true; do sleep 0.1; done"


@pytest.fixture
def shell(
    processes: Processes,  # noqa: ARG001 - it makes them
    tmp_path: Path,
) -> Iterator[Callable[[str], Process]]:
    """Makes processes that run a script; a script is ready once it has touched the file $0."""
    made: list[Process] = []

    def make(script: str) -> Process:
        flag = tmp_path / "ready"
        command = ("/bin/sh", "-c", script, str(flag))
        made.append(Process(Program("script", command, tmp_path / "script.log", flag.exists)))
        return made[-1]

    yield make
    for process in made:
        process.kill()


def test_a_polite_process_is_asked_to_end(shell: Callable[[str], Process]) -> None:
    process = shell("trap 'echo bye; exit 0' TERM; touch $0; while true; do sleep 0.01; done")
    process.start()
    process.stop(TIMEOUT_SECONDS)
    assert process.exit_code == 0
    assert process.last_lines() == "bye"


def test_a_stubborn_process_is_killed(shell: Callable[[str], Process]) -> None:
    process = shell(STUBBORN)
    process.start()
    process.stop(grace=0.1)
    assert process.exit_code == -signal.SIGKILL


def test_a_failed_start_shows_the_last_lines(shell: Callable[[str], Process]) -> None:
    with pytest.raises(StartFailed) as failure:
        shell("seq 1 40; echo no space left; exit 3").start()
    said = str(failure.value).splitlines()
    assert said[0] == "script ended (3)"
    assert said[1:] == [*map(str, range(12, 41)), "no space left"]


def test_a_start_that_takes_too_long_fails(shell: Callable[[str], Process]) -> None:
    with pytest.raises(StartFailed, match="script was not ready in 0 s"):
        shell("sleep 60").start(seconds=0)


def test_a_thread_may_not_start_a_process(shell: Callable[[str], Process]) -> None:
    with ThreadPoolExecutor() as threads, pytest.raises(RuntimeError, match="thread"):
        threads.submit(shell("true").spawn).result()


def test_a_child_sees_nothing_of_our_environment(
    shell: Callable[[str], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_PRIVATE_KEY", "somebody else's")
    process = shell("env; touch $0; sleep 60")
    process.start()
    assert "JWT_PRIVATE_KEY" not in process.last_lines()


@pytest.mark.usefixtures("processes")
def test_a_child_dies_with_its_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(  # noqa: S603 (the command is ours)
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    ended, _, _ = select.select([child], [], [], TIMEOUT_SECONDS)
    os.close(child)
    assert ended


PARENT = """
import sys, time
from pathlib import Path
from devstack.process import Process, Program
child = Process(Program("child", ("/bin/sleep", "60"), Path(sys.argv[1]) / "log", lambda: True))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""
