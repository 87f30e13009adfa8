"""Which events have been early for long: what they wait for may have been lost, or be broken."""

import time
from dataclasses import dataclass

from common.messaging.backoff import LONGEST_GAP_SECONDS

FORGOTTEN_SECONDS = 4 * LONGEST_GAP_SECONDS
"""An event that has not come for so long was handled by another replica."""


@dataclass
class _Wait:
    since: float
    met: float


class EarlyEvents:
    """What one replica has met too early and has not handled since, by numbers in the stream."""

    def __init__(self) -> None:
        self._waits: dict[int, _Wait] = {}

    def met(self, sequence: int) -> None:
        """It came, too early."""
        now = time.monotonic()
        self._waits.setdefault(sequence, _Wait(now, now)).met = now

    def gone(self, sequence: int) -> None:
        """It was handled, or given up."""
        self._waits.pop(sequence, None)

    @property
    def longest(self) -> float:
        """For how many seconds the first of them has been waiting; 0 without any."""
        now = time.monotonic()
        for sequence, wait in list(self._waits.items()):
            if now - wait.met > FORGOTTEN_SECONDS:
                del self._waits[sequence]
        return max((now - wait.since for wait in self._waits.values()), default=0.0)
