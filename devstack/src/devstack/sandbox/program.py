"""The sandbox as a process of its own."""

import sys
from pathlib import Path

from devstack.probes import answers_ok
from devstack.process import Process, Program


def sandbox_process(
    port: int, webhook_url: str, webhook_secret: str, log: Path, ledger: Path | None = None
) -> Process:
    """Listens on `port`; with a ledger file, its state survives a restart."""
    command = (
        *(sys.executable, "-m", "devstack.sandbox"),
        *("--port", str(port)),
        *("--webhook-url", webhook_url),
        *("--webhook-secret", webhook_secret),
        *(("--ledger", str(ledger)) if ledger else ()),
    )
    return Process(Program("sandbox", command, log, answers_ok(port, "/_sandbox/health")))
