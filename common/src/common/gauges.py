"""Collects gauges from servers at scrape time: cached, bounded in time, tolerant of failures."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from common import clock
from common.metrics import Gauge, Value
from common.mongo import Database

TIMEOUT_SECONDS = 1.0
"""How long a server may take to answer; a scrape waits no longer."""

CACHE_SECONDS = 5.0
"""How long an answer is cached, so that many scrapes cost no more than one."""

COUNT_LIMIT = 100_000
"""Backlogs are counted up to here: a scrape must not cost more the longer they are."""

log = logging.getLogger(__name__)

SERVERS = Gauge("server_answers", "Whether a server answered when it was asked (0 or 1)", "server")

AHEAD = Gauge("clock_ahead_seconds", "How far this machine's clock is ahead of MongoDB's")

Samples = Mapping[Gauge, Value]


@dataclass(frozen=True)
class GaugeSource:
    """The gauges that one server provides in one request."""

    server: str
    gauges: Sequence[Gauge]
    collect: Callable[[], Awaitable[Samples]]
    """Raises when there is no answer, usually Unavailable."""


class GaugeCollector:
    """Collects all sources and caches their samples."""

    def __init__(self) -> None:
        self.local: Callable[[], Samples] = dict
        """Gauges of this process; no server is asked."""
        self.sources: list[GaugeSource] = []
        self._collecting = asyncio.Lock()
        self._cached: dict[Gauge, Value | None] = {}
        self._cached_until = 0.0

    async def samples(self) -> Mapping[Gauge, Value | None]:
        """Each gauge with its value, or with None where its server does not answer."""
        async with self._collecting:
            if time.monotonic() >= self._cached_until:
                self._cached = await self._collect_all()
                self._cached_until = time.monotonic() + CACHE_SECONDS
        return {**self.local(), **self._cached}

    async def _collect_all(self) -> dict[Gauge, Value | None]:
        answers = await asyncio.gather(*(_collect(source) for source in self.sources))
        samples: dict[Gauge, Value | None] = {}
        servers: dict[str, float] = {}
        for source, answer in zip(self.sources, answers, strict=True):
            samples |= {gauge: None if answer is None else answer[gauge] for gauge in source.gauges}
            answered = float(answer is not None)
            servers[source.server] = min(answered, servers.get(source.server, 1.0))
        return {**samples, SERVERS: servers}


def database_gauges(database: Database) -> GaugeSource:
    """Whether MongoDB answers, and how far its clock differs."""

    async def collect() -> Samples:
        await database.ping(TIMEOUT_SECONDS)
        return {AHEAD: clock.service.machine_ahead}

    return GaugeSource("mongodb", (AHEAD,), collect)


async def _collect(source: GaugeSource) -> Samples | None:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await source.collect()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other gauges can be exposed
        log.warning("gauges not collected", extra={"server": source.server, "error": repr(error)})
        return None
