"""`python -m <service> republish`: the command line of a service that owns others' read models."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial

from common.contracts.requests import RepublishRun
from common.logs import configure_logs
from common.messaging.bus import Bus
from common.mongo import Database
from common.republish import Repository, Republisher, retry_until_available
from common.republish_runs import Runs
from common.settings import EventSettings

POLL_SECONDS = 0.5
INTERRUPTED = 130

log = logging.getLogger(__name__)


def main(settings: type[EventSettings], repository: Callable[[Database], Repository]) -> None:
    """Request a run and wait until it is done."""
    parser = argparse.ArgumentParser(prog=f"python -m {settings.service}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("republish", help="publish snapshots of everything, to rebuild read models")
    parser.parse_args()
    configured = settings.load()
    configure_logs(configured.service, configured.log_format, configured.log_level)
    try:
        asyncio.run(_run(configured, repository))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the running replicas continue the run\n")
        sys.exit(INTERRUPTED)


async def _run(settings: EventSettings, repository: Callable[[Database], Repository]) -> None:
    database = Database(settings.mongo_uri)
    bus = Bus(settings.nats_url, service=settings.service, ca_file=settings.nats_ca_file)
    runs = Runs(database)
    try:
        await bus.connect()
        await republish(Republisher(repository(database), bus, settings.service, runs), runs)
        log.info("republished all %s", settings.service)
    finally:
        await bus.close()
        database.close()


async def republish(republisher: Republisher, runs: Runs) -> None:
    """Request a new run, executed here or by a replica; returns at its end."""
    requested = await retry_until_available(partial(runs.state_of, RepublishRun()))
    while not (await retry_until_available(partial(runs.state_of, requested))).done:
        if not await retry_until_available(republisher.work):
            await asyncio.sleep(POLL_SECONDS)
