"""Launches the whole system for tests and benches."""

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
    """The addresses of a running system."""

    gateway: str
    sandbox: str


class RunningStack(System):
    """The state file that the launcher writes once everything is ready."""

    nats: str
    services: dict[str, list[str]]
    mongo: dict[str, str]
    pids: dict[str, list[int]]
    wires: int | None
    logs: Path
    state_file: Path

    def now(self) -> "RunningStack":
        """The present state: a process that was restarted has another id."""
        return _read(self.state_file)


class StackDidNotStart(Exception):
    """The launcher has failed; the message is its output."""


@contextmanager
def launch_stack(folder: Path, *arguments: str, **settings: str) -> Iterator[RunningStack]:
    """An ephemeral stack on free ports; `arguments` go to `python -m devstack up`.

    Its environment has the `settings` only, so that every start is reproducible.
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


def _read(state_file: Path) -> RunningStack:
    return RunningStack.model_validate(
        {**json.loads(state_file.read_text()), "state_file": state_file}
    )


def _wait(facts: Path, launcher: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while not facts.exists():
        if launcher.poll() is not None or time.monotonic() > until:
            raise StackDidNotStart(log.read_text())
        time.sleep(0.05)
