"""What a process has used, as Linux counts it."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_ms(*pids: int) -> float:
    """How long processes have computed; unlike a clock it does not mind what else runs."""
    return sum(map(_ticks, pids)) * 1000 / TICKS


def memory_mb(pid: int) -> float:
    """What a process has in memory (its resident set)."""
    return _status_kb(pid, "VmRSS:") / 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def total_memory_mb(pids: Iterable[int]) -> float:
    """Of several processes; what they share counts for each."""
    return sum(map(memory_mb, pids))


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _status_kb(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(name)]
    return int(line.split()[1])
