"""`python -m <service> republish`: says the state of all that a service owns once more.

Whoever keeps a copy applies what is newer than the copy, so this heals a lost stream and fills a
new service. It may be run at any time, and as often as one likes.
"""

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from common.aggregates import Aggregate, Announcement
from common.contracts.events import Event
from common.contracts.ids import new_id
from common.errors import Unavailable
from common.logs import configure_logs
from common.messaging.bus import Bus
from common.messaging.envelope import send
from common.mongo import Database
from common.settings import EventSettings

PAGE = 200
"""How many aggregates are read, and announced side by side."""

TRY_AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)


class Repeatable(Aggregate, Protocol):
    """An aggregate that can say its whole state."""

    @property
    def snapshot(self) -> Event:
        """The state at this version, to be applied whenever it is newer."""


class Repository(Protocol):
    """Where they are kept."""

    async def after(self, identity: str, limit: int) -> Sequence[Repeatable]:
        """The next ones in the order of their ids."""


Result = TypeVar("Result")


def main(settings: type[EventSettings], repository: Callable[[Database], Repository]) -> None:
    """The command line of a service that others keep copies of."""
    parser = argparse.ArgumentParser(prog=f"python -m {settings.service}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("republish", help="say the state of everything once more, for the copies")
    parser.parse_args()
    configured = settings.load()
    configure_logs(configured.service, configured.log_format, configured.log_level)
    asyncio.run(_run(configured, repository))


async def _run(settings: EventSettings, repository: Callable[[Database], Repository]) -> None:
    database = Database(settings.mongo_uri)
    bus = Bus(settings.nats_url, service=settings.service, ca_file=settings.nats_ca_file)
    try:
        await bus.connect()
        count = await republish(repository(database), bus, settings.service)
        log.info("republished %d %s", count, settings.service)
    finally:
        await bus.close()
        database.close()


async def republish(repository: Repository, bus: Bus, service: str) -> int:
    """Announce everything as it is now; how much that was.

    Waits while NATS or MongoDB is away. What changes meanwhile is announced by its own event.
    """
    run, last, count = new_id(), "", 0
    while page := await _patiently(partial(repository.after, last, PAGE)):
        said = (_patiently(partial(_announce, each, bus, service, run)) for each in page)
        await asyncio.gather(*said)
        last, count = page[-1].id, count + len(page)
    return count


async def _announce(aggregate: Repeatable, bus: Bus, service: str, run: str) -> None:
    snapshot = Announcement.of(aggregate.snapshot, aggregate.version)
    await send(bus, snapshot, service, again=f"snapshot:{run}")


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    while True:
        try:
            return await work()
        except Unavailable as error:
            log.warning("waiting", extra={"error": str(error)})
            await asyncio.sleep(TRY_AGAIN_SECONDS)
