"""The whole system for tests and benches: the launcher without a terminal."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from devstack.settings import clean_environment

READY_SECONDS = 120
STOPPED_SECONDS = 60


class System(BaseModel):
    """What a test needs to know of a system that runs somewhere."""

    gateway: str
    sandbox: str


class Stack(System):
    """Where everything is, as the launcher writes it once everything is ready."""

    nats: str
    services: dict[str, list[str]]
    mongo: dict[str, str]
    pids: dict[str, list[int]]
    wires: int | None
    logs: Path
    record: Path

    def now(self) -> "Stack":
        """The stack as it is now: a process that was started again has another id."""
        return _read(self.record)


class StackDidNotStart(Exception):
    """What the launcher said before it gave up."""


@contextmanager
def stack(folder: Path, *arguments: str, **settings: str) -> Iterator[Stack]:
    """A throw-away stack on free ports; `arguments` go to `python -m devstack up`.

    Of the environment it gets the `settings` only, so that it is alike wherever it is started.
    """
    facts, log = folder / "stack.json", folder / "launcher.log"
    variables = {**clean_environment(), "TMPDIR": str(folder), **settings}
    command = [sys.executable, "-m", "devstack", "up", "--port", "0", "--ephemeral"]
    with log.open("wb") as output:
        launcher = subprocess.Popen(  # noqa: S603 - our own launcher
            [*command, "--json", str(facts), *arguments],
            env=variables,
            stdout=output,
            stderr=output,
        )
    try:
        _wait(facts, launcher, log)
        yield _read(facts)
    finally:
        launcher.terminate()
        launcher.wait(STOPPED_SECONDS)


def _read(record: Path) -> Stack:
    return Stack.model_validate({**json.loads(record.read_text()), "record": record})


def _wait(facts: Path, launcher: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while not facts.exists():
        if launcher.poll() is not None or time.monotonic() > until:
            raise StackDidNotStart(log.read_text())
        time.sleep(0.05)
