"""`python -m common.topology`: declares the streams and consumers that services use.

`apply` makes the bus as declared, `check` says what differs, `keep` applies and then stays to make
again what somebody deletes. All need the credentials of an operator in NATS_URL.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from common.errors import Unavailable
from common.logs import RateLimitedLog, configure_logs
from common.messaging.connection import Connection
from common.messaging.topology import Scope, Topology, changes, make
from common.settings import TopologySettings
from common.waiting import set_within

CONNECT_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""How often `keep` looks whether all is still there."""

log = logging.getLogger(__name__)
rarely = RateLimitedLog(log)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line asks; exit code 1 when it cannot be done, or `check` differs."""
    asked = _parser().parse_args(arguments)
    settings = TopologySettings.load()
    configure_logs("topology", settings.log_format, settings.log_level)
    with suppress(asyncio.CancelledError):  # a signal ends `keep`
        sys.exit(asyncio.run(_do(asked, settings)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m common.topology",
        description="The streams and consumers of the bus. NATS_URL says where it is.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply", help="make all as declared; nothing is taken away")
    apply.add_argument(
        "--prune", action="store_true", help="take away subjects that are not declared any more"
    )
    commands.add_parser("check", help="say what differs; exit code 1 if anything does")
    commands.add_parser("keep", help="apply, and make again what is deleted, until stopped")
    return parser


async def _do(asked: argparse.Namespace, settings: TopologySettings) -> int:
    connection = Connection(settings.nats_url, "topology", settings.nats_ca_file)
    connection.start()
    wanted = Topology.of(settings.stream_replicas)
    try:
        if asked.command == "keep":
            _stop_at_signals()
            await keep(connection, wanted)
        await set_within(connection.was_connected, CONNECT_SECONDS)
        scope = Scope.EXACT if getattr(asked, "prune", False) else Scope.DECLARED
        return _say(await declare(connection, wanted, scope, dry=asked.command == "check"), asked)
    except Unavailable as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    finally:
        await connection.close()


def _say(texts: Sequence[str], asked: argparse.Namespace) -> int:
    sys.stdout.write("".join(f"{text}\n" for text in texts or ["the topology is as declared"]))
    return 1 if texts and asked.command == "check" else 0


async def declare(
    connection: Connection, wanted: Topology, scope: Scope, *, dry: bool = False
) -> list[str]:
    """Make every change, unless it is a dry run; what they are. Raises Unavailable."""
    texts = []
    async for change in changes(connection, wanted, scope):
        if not dry:
            await make(change, connection)
        texts.append(change.text)
    return texts


async def keep(connection: Connection, wanted: Topology) -> None:
    """Declare everything once, and then again and again what is missing, until cancelled."""
    scope = Scope.DECLARED
    while True:
        try:
            for text in await declare(connection, wanted, scope):
                log.warning("topology changed", extra={"change": text})
            if scope is Scope.DECLARED:
                log.info("the topology is as declared")
            scope = Scope.MISSING
        except Unavailable as error:
            rarely.warning("the topology is not as declared", error=str(error))
        await asyncio.sleep(LOOK_SECONDS)


def _stop_at_signals() -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task  # noqa: S101 - a coroutine runs in one
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)


if __name__ == "__main__":
    main()
