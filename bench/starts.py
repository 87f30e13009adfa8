"""From nothing to ready: one service, and the whole system."""

import tempfile
import time
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.processes import cpu_ms
from bench.stacks import stack
from devstack import processes
from devstack.keys import load_or_create
from devstack.plan import Plan, choose_ports

ROUNDS = 3


async def measure() -> list[Figure]:
    """By the clock and by the CPU."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        seconds, cpu = _one_service(Path(folder))
    began = time.perf_counter()
    with stack() as running:
        whole = time.perf_counter() - began
        pids = [pid for each in running.pids.values() for pid in each]
        spent = cpu_ms(*pids) / 1000
    return [
        Figure(name="one service, start to ready", value=seconds, unit="s"),
        Figure(name="one service, CPU until ready", value=cpu, unit="s"),
        Figure(name="the whole system, start to ready", value=whole, unit="s"),
        Figure(name="the whole system, CPU until ready", value=spent, unit="s"),
    ]


def _one_service(folder: Path) -> tuple[float, float]:
    plan = Plan(folder, choose_ports(0, {}), load_or_create(folder))
    databases, [service] = processes.databases(plan), processes.replicas(plan, "tickets")
    seconds, cpu = [], []
    try:
        for database in databases:
            database.start()
        for _ in range(ROUNDS):
            began = time.perf_counter()
            service.start()
            seconds.append(time.perf_counter() - began)
            cpu.append(cpu_ms(service.pid) / 1000)
            service.kill()
    finally:
        for process in (service, *databases):
            process.kill()
    return median(seconds), median(cpu)
