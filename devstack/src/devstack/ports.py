"""Free TCP ports on loopback, which no other process of ours takes meanwhile."""

import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from secrets import SystemRandom
from tempfile import gettempdir

from devstack.errors import NoPortLeft

LOOPBACK = "127.0.0.1"

# Below the range from which the system takes the near ends of connections (32768 up): otherwise
# a server that is down for a moment can find its port occupied by somebody's client.
FIRST, LAST, BLOCK = 20_000, 32_000, 100

_locks: list[int] = []
"""The files that hold our blocks, open until this process ends, however it ends."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Different free ports.

    A port is taken a while after it was chosen, so each process chooses from blocks of its own.
    """
    return [next(_ports) for _ in range(count)]


def free_port() -> int:
    """One free port."""
    return free_ports(1)[0]


def _own_ports() -> Iterator[int]:
    folder = Path(gettempdir()) / f"ticketing-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    blocks = range(FIRST, LAST, BLOCK)
    for first in SystemRandom().sample(blocks, len(blocks)):
        if _lock(folder / str(first)):
            yield from filter(is_free, range(first, first + BLOCK))
    raise NoPortLeft(f"all ports from {FIRST} to {LAST} are in use")


def _lock(file: Path) -> bool:
    """Whether nobody else has it."""
    lock = os.open(file, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    _locks.append(lock)
    return True


_ports = _own_ports()
