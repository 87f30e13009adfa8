"""Backoff: in how many seconds a message is to be delivered again, by the reason why."""

GAPS_EXPECTED = 20
"""After so many deliveries (about 5 s) an early event waits for something that is broken."""

LONGEST_GAP_SECONDS = 30.0
"""After some minutes it waits for a person, or for what was lost to be said again."""


def gap_delay(attempt: int) -> float:
    """20 to 250 ms: the predecessor is usually on its way. If it is not, up to 30 s."""
    if attempt > GAPS_EXPECTED:
        return _doubled(0.1, attempt - GAPS_EXPECTED, longest=LONGEST_GAP_SECONDS)
    return _doubled(0.02, attempt, longest=0.25)


def outage_delay(attempt: int) -> float:
    """0.1 s at first, 5 s at most, for ever: servers come back."""
    return _doubled(0.1, attempt, longest=5.0)


def defect_delay(attempt: int) -> float:
    """50 ms at first, 1 s at most: it may be a hiccup, but a person should soon see a defect."""
    return _doubled(0.05, attempt, longest=1.0)


def _doubled(first: float, attempt: int, *, longest: float) -> float:
    """Twice as long with each attempt, which count from 1; seconds."""
    return float(min(first * 2 ** min(attempt - 1, 10), longest))
