"""Says the state of all that a service owns once more, for whoever keeps a copy of it.

A copy applies what is not older than itself, so this heals a lost stream and fills a new service.
It may run at any time, beside people: it goes only as fast as those who hear it. Who asks is a
person (`python -m <service> republish`) or a service that has missed events; a run that was
begun is ended by whichever replica lives.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from common.aggregate_store import Aggregate, OutboxEntry
from common.contracts.events import Event
from common.contracts.questions import RepublishRun
from common.contracts.subscriptions import hearers_of
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.envelope import send
from common.messaging.pace import Pace
from common.messaging.refusals import TooLarge
from common.republish_runs import Run, Runs
from common.waiting import set_within

PAGE = 10
"""How many aggregates are announced side by side, and stand before somebody's news at most."""

REST = 1.0
"""How long to leave everything to people after each page, in times of what the page has taken."""

LOOK_SECONDS = 2.0
TRY_AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Repeatable(Aggregate, Protocol):
    """An aggregate that can say its whole state."""

    @property
    def snapshot(self) -> Event:
        """The state at this version, to be applied whenever it is not older."""


class Repository(Protocol):
    """Where they are kept."""

    async def list_after(self, identity: str, limit: int) -> Sequence[Repeatable]:
        """The next ones in the order of their ids."""


Result = TypeVar("Result")


class Republisher:
    """Works off the runs that are asked for, one replica at a time."""

    def __init__(self, repository: Repository, bus: Bus, service: str, runs: Runs) -> None:
        self._repository, self._bus, self._service, self._runs = repository, bus, service, runs
        self._asked = asyncio.Event()

    async def answer(self, question: bytes) -> bytes:
        """Begin a run, or say what became of one; raises Unavailable and ValueError."""
        state = await self._runs.state_of(RepublishRun.model_validate_json(question or b"{}"))
        self._asked.set()
        return state.model_dump_json().encode()

    async def run(self) -> None:
        """Work, until cancelled."""
        while True:
            self._asked.clear()
            try:
                while self._bus.is_connected and await self.work():
                    pass
            except Unavailable as error:
                rate_limited.warning("republishing waits", error=str(error))
            await set_within(self._asked, LOOK_SECONDS)

    async def work(self) -> bool:
        """Do one run to its end, if one is wanted that nobody is at; whether there was one."""
        run = await self._runs.claim()
        if run is None:
            return False
        log.info("republishing", extra={"run": run.number, "after": run.cursor})
        try:
            ended = await self._say_all(run)
        except asyncio.CancelledError:
            await asyncio.shield(self._runs.leave(run))
            raise
        if ended:
            await self._runs.finish(ended)
            log.info("republished %d %s", ended.count, self._service, extra={"run": run.number})
        return True

    async def _say_all(self, run: Run) -> Run | None:
        """As it is at the end; None when somebody else has taken it over."""
        pace = Pace(self._bus, hearers_of(self._service))
        while page := await patiently(partial(self._repository.list_after, run.cursor, PAGE)):
            began = time.monotonic()
            said = (patiently(partial(self._say, each, run)) for each in page)
            await asyncio.gather(*said)
            run = replace(run, cursor=page[-1].id, count=run.count + len(page))
            if not await patiently(partial(self._runs.advance, run)):
                return None
            await pace.wait(PAGE)
            await asyncio.sleep(REST * (time.monotonic() - began))
        return run

    async def _say(self, aggregate: Repeatable, run: Run) -> None:
        snapshot = OutboxEntry.of(aggregate.snapshot, aggregate.version)
        try:
            await send(self._bus, snapshot, self._service, again=f"snapshot:{run.key}")
        except TooLarge as error:  # it would hold up all others for ever
            log.error("a state is not said again", extra={"error": str(error)})  # noqa: TRY400


async def patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Its result, as soon as NATS and MongoDB are there for it."""
    while True:
        try:
            return await work()
        except Unavailable as error:
            rate_limited.warning("republishing waits", error=str(error))
            await asyncio.sleep(TRY_AGAIN_SECONDS)
