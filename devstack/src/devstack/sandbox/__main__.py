"""Starts the sandbox: `python -m devstack.sandbox --port 8420 ...`."""

import argparse
from pathlib import Path

import uvicorn

from devstack.ports import LOOPBACK
from devstack.sandbox.api import Api
from devstack.sandbox.connection_abort import AbortableProtocol
from devstack.sandbox.ledger import Ledger
from devstack.sandbox.server import create_sandbox
from devstack.sandbox.webhooks import Webhooks


def main() -> None:
    """Read the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m devstack.sandbox", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--webhook-url", required=True, help="where to tell what happened")
    parser.add_argument("--webhook-secret", required=True, help="what to sign it with")
    parser.add_argument("--ledger", type=Path, help="a file to keep everything in")
    chosen = parser.parse_args()
    webhooks = Webhooks(chosen.webhook_url, chosen.webhook_secret)
    app = create_sandbox(Api(Ledger(chosen.ledger), webhooks))
    uvicorn.run(
        app,
        host=chosen.host,
        port=chosen.port,
        http=AbortableProtocol,
        log_level="critical",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
