"""Events that arrived before their predecessor; one that waits for long hints at a loss."""

import time
from dataclasses import dataclass

from common.messaging.backoff import LONGEST_GAP_SECONDS

EXPIRY_SECONDS = 4 * LONGEST_GAP_SECONDS
"""An event that has not been redelivered for so long was handled by another replica."""


@dataclass
class _Deferral:
    since: float
    seen: float


class OutOfOrderEvents:
    """The events that one replica has deferred and not handled since, by stream sequence."""

    def __init__(self) -> None:
        self._waits: dict[int, _Deferral] = {}

    def deferred(self, sequence: int) -> None:
        """The event was deferred."""
        now = time.monotonic()
        self._waits.setdefault(sequence, _Deferral(now, now)).seen = now

    def resolved(self, sequence: int) -> None:
        """The event was handled, or became a dead letter."""
        self._waits.pop(sequence, None)

    @property
    def longest(self) -> float:
        """For how many seconds the oldest has been waiting; 0 without any."""
        now = time.monotonic()
        for sequence, wait in list(self._waits.items()):
            if now - wait.seen > EXPIRY_SECONDS:
                del self._waits[sequence]
        return max((now - wait.since for wait in self._waits.values()), default=0.0)
