"""What a process has used, as Linux counts it."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_ms(*pids: int) -> float:
    """How long processes have computed; unlike a clock it does not mind what else runs."""
    return sum(map(_ticks, pids)) * 1000 / TICKS


def memory_mb(pid: int) -> float:
    """What a process has in memory (its resident set)."""
    return _status_kb(pid, "VmRSS:") / 1024


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _status_kb(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(name)]
    return int(line.split()[1])
