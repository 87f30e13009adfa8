"""Failed operations at Stripe, and the exponential backoff before the next attempt."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class FailureKind(StrEnum):
    """How an operation failed; the values are stored and are metric labels."""

    NO_ANSWER = "silence"  # timeout, 409 or 429: retry with the same idempotency key
    SERVER_ERROR = "failure"  # 5xx: Stripe would replay it for the same key
    REJECTED = "refusal"  # 4xx: Stripe would replay it for the same key


MAX_BACKOFF = {
    FailureKind.NO_ANSWER: timedelta(seconds=30),
    FailureKind.SERVER_ERROR: timedelta(seconds=30),
    FailureKind.REJECTED: timedelta(minutes=10),
}
"""An outage should heal soon after it is over; a bank seldom changes its decision."""


@dataclass(frozen=True)
class RetryState:
    """Consecutive failures of one kind, and the reason of the last."""

    kind: FailureKind
    reason: str
    times: int = 1

    @property
    def backoff(self) -> timedelta:
        """The exponential backoff: one second at first, doubled each time."""
        return min(timedelta(seconds=2 ** min(self.times - 1, 16)), MAX_BACKOFF[self.kind])
