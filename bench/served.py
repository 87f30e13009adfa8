"""Servers that ours are measured beside: each started, waited for and ended in the same way."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack.ports import LOOPBACK
from devstack.probes import answers_ok
from devstack.process import Process, Program


@contextmanager
def served(
    port: int, command: tuple[str, ...], variables: Mapping[str, str], log: Path
) -> Iterator[Process]:
    """Runs for as long as the block, once `/nothing` answers; its name is its address."""
    ready = answers_ok(port, "/nothing")
    process = Process(Program(f"http://{LOOPBACK}:{port}", command, log, ready, variables))
    try:
        process.start()
        yield process
    finally:
        process.kill()
