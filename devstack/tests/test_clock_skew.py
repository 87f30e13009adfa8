"""Processes on machines whose clocks are wrong."""

import sys
import time
from pathlib import Path

import pytest

from devstack import clock_skew, processes
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import Plan, choose_ports
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.testing import eventually

HOUR = 3600
SAY = "import time; from common import clock; print(clock.seconds(), time.time_ns())"


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_a_process_has_another_clock(
    processes: Processes,  # noqa: ARG001 - it is one
    tmp_path: Path,
    ahead: int,
) -> None:
    command, log = (sys.executable, "-c", SAY), tmp_path / "log"
    process = Process(Program("wrong", command, log, lambda: True, clock_skew.by(ahead)))
    process.spawn()

    async def ended() -> bool:
        return not process.is_running

    await eventually(ended)
    seconds, nanoseconds = map(float, log.read_text().split())
    assert seconds == pytest.approx(time.time() + ahead, abs=HOUR / 2)
    assert nanoseconds / 1e9 == pytest.approx(seconds, abs=60)


def test_the_launcher_gives_it_to_one_replica(tmp_path: Path) -> None:
    secrets = StackSecrets(KeyPair("", ""), "")
    plan = Plan(tmp_path, choose_ports(0, {"orders": 2}), secrets, clocks={"orders-2": 600})
    first, second = processes.replicas(plan, "orders")
    assert clock_skew.AHEAD not in first.program.variables
    assert second.program.variables[clock_skew.AHEAD] == "600"
