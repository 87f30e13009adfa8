"""`python -m common.topology`: declares the streams and consumers that services use.

`apply` brings NATS to the declared topology, `check` lists the differences, `keep` applies and then
keeps restoring what is deleted. All need the credentials of an operator in NATS_URL.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from common.errors import Unavailable
from common.logs import RateLimitedLog, configure_logs
from common.messaging.changes import Change, Scope, changes, make
from common.messaging.connection import Connection
from common.messaging.nats_errors import NoResponse
from common.messaging.topology import Topology
from common.settings import TopologySettings
from common.waiting import wait_for_event

CONNECT_SECONDS = 5.0
POLL_SECONDS = 1.0
"""How often `keep` checks for missing streams and consumers."""

KEPT = " (NATS keeps it as it is)"

Outcome = tuple[Change, str]
"""A change, and why it was refused; empty when it was applied."""

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute the command; exit code 1 when it fails, or `check` finds differences."""
    asked = _parser().parse_args(arguments)
    settings = TopologySettings.load()
    configure_logs("topology", settings.log_format, settings.log_level)
    with suppress(asyncio.CancelledError):  # a signal ends `keep`
        sys.exit(asyncio.run(_do(asked, settings)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m common.topology",
        description="The streams and consumers of the bus. NATS_URL is its address.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser(
        "apply", help="create and update what is declared; nothing is removed"
    )
    apply.add_argument(
        "--prune", action="store_true", help="remove subjects that are not declared any more"
    )
    commands.add_parser("check", help="list differences; exit code 1 if there are any")
    commands.add_parser("keep", help="apply, and restore what is deleted, until stopped")
    return parser


async def _do(asked: argparse.Namespace, settings: TopologySettings) -> int:
    connection = Connection(settings.nats_url, "topology", settings.nats_ca_file)
    connection.start()
    wanted = Topology.of(settings.stream_replicas)
    try:
        if asked.command == "keep":
            _stop_at_signals()
            await keep(connection, wanted)
        await wait_for_event(connection.was_connected, CONNECT_SECONDS)
        scope = Scope.EXACT if getattr(asked, "prune", False) else Scope.DECLARED
        if asked.command == "check":
            return _differs([change async for change in changes(connection, wanted, scope)])
        return _done([each async for each in outcomes(connection, wanted, scope)])
    except Unavailable as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    finally:
        await connection.close()


def _differs(found: Sequence[Change]) -> int:
    """Print the differences; 1 if any is needed."""
    texts = [change.text if change.is_needed else f"{change.text}{KEPT}" for change in found]
    _print(texts, is_whole=not texts)
    return int(any(change.is_needed for change in found))


def _done(outcomes: Sequence[Outcome]) -> int:
    """Print the changes, applied or refused; 1 if a needed one was refused."""
    failed = [f"{change.text}: {why}" for change, why in outcomes if why and change.is_needed]
    sys.stderr.writelines(f"error: {text}\n" for text in failed)
    _print(
        [
            f"{change.text}{KEPT}: {why}" if why else change.text
            for change, why in outcomes
            if not (why and change.is_needed)
        ],
        is_whole=not failed,
    )
    return int(bool(failed))


def _print(texts: Sequence[str], *, is_whole: bool) -> None:
    whole = ["the topology is as declared"] if is_whole else []
    sys.stdout.writelines(f"{text}\n" for text in texts or whole)


async def outcomes(
    connection: Connection, wanted: Topology, scope: Scope
) -> AsyncIterator[Outcome]:
    """Apply every change, also after one that NATS refuses. Raises Unavailable in an outage."""
    async for change in changes(connection, wanted, scope):
        try:
            await make(change, connection)
        except NoResponse:
            raise
        except Unavailable as error:
            yield change, str(error)
        else:
            yield change, ""


async def declare(connection: Connection, wanted: Topology, scope: Scope) -> list[str]:
    """Apply every change and list them. Raises Unavailable, also when one is refused."""
    done = [each async for each in outcomes(connection, wanted, scope)]
    if refused := [why for change, why in done if why and change.is_needed]:
        raise Unavailable("; ".join(refused))
    return [change.text for change, why in done if not why]


async def keep(connection: Connection, wanted: Topology) -> None:
    """Declare everything once, and then restore what is missing, until cancelled."""
    scope = Scope.DECLARED
    while True:
        try:
            is_done = all([_logged(each) async for each in outcomes(connection, wanted, scope)])
        except Unavailable as error:
            rate_limited.warning("the topology is not as declared", error=str(error))
            is_done = False
        if is_done and scope is Scope.DECLARED:
            log.info("the topology is as declared")
            scope = Scope.MISSING
        await asyncio.sleep(POLL_SECONDS)


def _logged(outcome: Outcome) -> bool:
    """Whether the change is applied, or need not be."""
    change, refusal = outcome
    if refusal:
        rate_limited.warning("the topology is not as declared", change=change.text, error=refusal)
    else:
        log.warning("topology changed", extra={"change": change.text})
    return not (refusal and change.is_needed)


def _stop_at_signals() -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task  # noqa: S101 - a coroutine runs in one
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)


if __name__ == "__main__":
    main()
