"""A step that did not succeed, and how long to pause before the next try."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Trouble(StrEnum):
    """What came instead of success."""

    SILENCE = "silence"  # no answer that counts: the same idempotency key asks for it again
    FAILURE = "failure"  # Stripe's own fault; it would repeat the answer to the same key
    REFUSAL = "refusal"  # Stripe will not; it would repeat the answer to the same key


LONGEST_PAUSE = {
    Trouble.SILENCE: timedelta(seconds=30),
    Trouble.FAILURE: timedelta(seconds=30),
    Trouble.REFUSAL: timedelta(minutes=10),
}
"""An outage should heal soon after it is over; a bank seldom changes its mind."""


@dataclass(frozen=True)
class Setback:
    """The same trouble, so many times in a row, and the reason of the last."""

    trouble: Trouble
    reason: str
    times: int = 1

    @property
    def pause(self) -> timedelta:
        """One second at first, and twice as long each time."""
        return min(timedelta(seconds=2 ** min(self.times - 1, 16)), LONGEST_PAUSE[self.trouble])
