"""Asks servers for numbers when somebody looks: not often, not for long, and never in vain."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from common import clock
from common.metrics import Gauge, Value
from common.mongo import Database

ANSWER_SECONDS = 1.0
"""How long a server may take; a scrape waits no longer, whatever hangs."""

KEPT_SECONDS = 5.0
"""How long an answer is good for, so that many who look cost no more than one."""

MOST_COUNTED = 100_000
"""A look at a backlog must not cost more the worse it gets."""

log = logging.getLogger(__name__)

SERVERS = Gauge("server_answers", "Whether a server answered when it was asked (0 or 1)", "server")

AHEAD = Gauge("clock_ahead_seconds", "How far this machine's clock is ahead of MongoDB's")

Readings = Mapping[Gauge, Value]


@dataclass(frozen=True)
class Measure:
    """What one server can be asked for in one go."""

    server: str
    gauges: Sequence[Gauge]
    ask: Callable[[], Awaitable[Readings]]
    """Raises when there is no answer, Unavailable as a rule."""


class Measuring:
    """Remembers what the servers said last."""

    def __init__(self) -> None:
        self.here: Callable[[], Readings] = dict
        """What nobody has to be asked for."""
        self.measures: list[Measure] = []
        self._asking = asyncio.Lock()
        self._known: dict[Gauge, Value | None] = {}
        self._until = 0.0

    async def readings(self) -> Mapping[Gauge, Value | None]:
        """Each gauge with its value, or with None where its server is silent."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._known = await self._ask_all()
                self._until = time.monotonic() + KEPT_SECONDS
        return {**self.here(), **self._known}

    async def _ask_all(self) -> dict[Gauge, Value | None]:
        answers = await asyncio.gather(*(_ask(measure) for measure in self.measures))
        known: dict[Gauge, Value | None] = {}
        servers: dict[str, float] = {}
        for measure, answer in zip(self.measures, answers, strict=True):
            known |= {gauge: None if answer is None else answer[gauge] for gauge in measure.gauges}
            answered = float(answer is not None)
            servers[measure.server] = min(answered, servers.get(measure.server, 1.0))
        return {**known, SERVERS: servers}


def of_database(database: Database) -> Measure:
    """Whether MongoDB answers at all, and what time it is there."""

    async def ask() -> Readings:
        await database.ping(ANSWER_SECONDS)
        return {AHEAD: clock.service.machine_ahead}

    return Measure("mongodb", (AHEAD,), ask)


async def _ask(measure: Measure) -> Readings | None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await measure.ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, all else can be told
        log.warning("not measured", extra={"server": measure.server, "error": repr(error)})
        return None
