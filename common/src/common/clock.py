"""The clock of a service: synchronized with its database's, so that all replicas agree."""

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TOLERANCE_SECONDS = 0.25
"""A smaller skew is ignored: observations may be wrong by as much."""

MAX_OBSERVATIONS = 6
MIN_INTERVAL_SECONDS = 1.0
"""Observations that arrive closer together were queued while this process was paused."""


class Observation(NamedTuple):
    """The time of the authority at one moment."""

    ahead_of_monotonic: float
    waited: float


class Clock:
    """The machine's clock, corrected by the observed time of an authority.

    An observation is always late, usually a little, much when this process was paused. So the
    fastest of the last few counts, and a single one of another authority sets nothing back. When
    the authority itself is set back it is followed once its older observations are evicted: after
    a minute, at one observation every ten seconds.
    """

    def __init__(self, machine: Callable[[], float] = time.time) -> None:
        self._machine = machine
        self._source: object = None
        self._observations: deque[Observation] = deque(maxlen=MAX_OBSERVATIONS)
        self._last = 0.0
        self._fastest: Observation | None = None

    def observe(self, time_there: datetime, source: object, waited: float = 0.0) -> None:
        """Record the time at `source` (UTC, aware); only the newest source counts.

        `waited` is how many seconds ago it was requested, if it was: it was sent since then.
        Thread-safe.
        """
        now = time.monotonic()
        if source != self._source:
            self._source = source
            self._observations.clear()
        elif now - self._last < MIN_INTERVAL_SECONDS:
            return
        self._last = now
        self._observations.append(Observation(time_there.timestamp() - now, waited))
        fastest, is_alone = max(self._observations), len(self._observations) == 1
        if self._fastest is None or fastest > self._fastest or not is_alone:
            self._fastest = fastest

    @property
    def machine_ahead(self) -> float:
        """Seconds by which the machine is ahead of the authority; 0 before any observation."""
        if self._fastest is None:
            return 0.0
        return self._machine() - self._fastest.ahead_of_monotonic - time.monotonic()

    def time(self) -> float:
        """The time in seconds since 1970 (UTC)."""
        ahead = self.machine_ahead
        waited = self._fastest.waited if self._fastest else 0.0
        is_right = -TOLERANCE_SECONDS <= ahead <= TOLERANCE_SECONDS + waited
        return self._machine() - (0.0 if is_right else ahead)


service = Clock()
"""The clock of this process; `common.primary_clock` observes the database's."""


def seconds() -> float:
    """The time in seconds since 1970 (UTC)."""
    return service.time()


def now() -> datetime:
    """The time (UTC, aware)."""
    return datetime.fromtimestamp(service.time(), UTC)
