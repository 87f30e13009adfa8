"""`make quick` runs what needs no server, and the end of a run says what was left out."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.process import Process, Program
from devstack.quick import Processes, ProcessRefused

HERE = Path(__file__)
ROOT = HERE.parents[2]
TRUE = "/bin/true"


def output_of(*arguments: str) -> str:
    """What a run of pytest prints."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    done = subprocess.run(  # noqa: S603 (the command is ours)
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout


async def test_a_process_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProcessRefused, match="`processes`"):
        Process(Program("true", (TRUE,), tmp_path / "log", lambda: True)).spawn()
    with pytest.raises(ProcessRefused):
        await asyncio.create_subprocess_exec(TRUE)


def test_a_tool_that_is_waited_for_may_run() -> None:
    assert subprocess.run([TRUE], check=False).returncode == 0  # noqa: S603


def test_a_process_that_was_asked_for_starts(processes: Processes, tmp_path: Path) -> None:
    program = Program("sleep", ("/bin/sleep", "60"), tmp_path / "log", lambda: True)
    with processes.running(Process(program)) as process:
        assert process.is_running
    assert not process.is_running


@pytest.mark.usefixtures("processes")
def test_quick_leaves_out_whatever_asks_for_processes() -> None:
    listed = output_of(
        "--quick", "--collect-only", str(HERE), str(HERE.with_name("test_servers.py"))
    )
    assert "test_a_tool_that_is_waited_for_may_run" in listed
    assert "test_a_process_that_was_asked_for_starts" not in listed
    assert "test_servers" not in listed


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("more", [[], ["--quick"]])
def test_summary_names_skipped_tests(more: list[str]) -> None:
    said = output_of("tests/deployment/test_containers.py", *more)
    wanted = (
        "all that start processes: make test" if more else "they run containers: make containers"
    )
    assert [line.startswith("left out: ") for line in said.splitlines() if wanted in line] == [True]
