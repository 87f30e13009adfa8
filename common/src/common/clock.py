"""The clock of a service: its database's, so that replicas agree whatever their machines say."""

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TOLERANCE_SECONDS = 0.25
"""A machine that differs by less is believed: what is heard may be wrong by as much."""

WORDS = 6
APART_SECONDS = 1.0
"""Words that come closer together waited while this process stood still."""


class Word(NamedTuple):
    """What was heard once."""

    ahead_of_monotonic: float
    waited: float


class Clock:
    """The machine's clock, put right by what an authority says the time is.

    What is heard was said some time ago, a little as a rule, much when this process was paused. So
    of the last few words the one counts that was the fastest, and one alone of another authority
    puts nothing back. An authority that is put back is followed when its older words are forgotten:
    after a minute, at one word every ten seconds.
    """

    def __init__(self, machine: Callable[[], float] = time.time) -> None:
        self._machine = machine
        self._speaker: object = None
        self._words: deque[Word] = deque(maxlen=WORDS)
        self._last = 0.0
        self._fastest: Word | None = None

    def hear(self, said: datetime, speaker: object, waited: float = 0.0) -> None:
        """Take note of the time that `speaker` says (UTC, aware); only the newest speaker counts.

        `waited` is how many seconds ago it was asked, if it was: it spoke since then.
        Any thread may call this.
        """
        now = time.monotonic()
        if speaker != self._speaker:
            self._speaker = speaker
            self._words.clear()
        elif now - self._last < APART_SECONDS:
            return
        self._last = now
        self._words.append(Word(said.timestamp() - now, waited))
        fastest, is_alone = max(self._words), len(self._words) == 1
        if self._fastest is None or fastest > self._fastest or not is_alone:
            self._fastest = fastest

    @property
    def machine_ahead(self) -> float:
        """Seconds by which the machine is ahead of the authority; 0 when nothing was heard yet."""
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
"""What the whole process goes by; `common.primary_clock` has it hear the database."""


def seconds() -> float:
    """The time in seconds since 1970 (UTC)."""
    return service.time()


def now() -> datetime:
    """The time (UTC, aware)."""
    return datetime.fromtimestamp(service.time(), UTC)
