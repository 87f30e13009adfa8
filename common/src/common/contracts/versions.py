"""The one rule by which every copy of an aggregate follows it."""

from enum import Enum, auto


class Fit(Enum):
    """How an event fits onto the version that a copy is at."""

    KNOWN = auto()
    """The copy has all that it says: acknowledge it and change nothing."""
    NEXT = auto()
    """It is to be applied."""
    EARLY = auto()
    """Its predecessor has not come yet: it is to be delivered again."""


def fit(version: int, *, onto: int | None, snapshot: object) -> Fit:
    """Version v goes onto v-1; a snapshot onto whatever is not newer.

    A snapshot of the same version is applied, too: it may say more than was known when the copy was
    made, for example a field that the event has gained since. `onto` is the version of the copy, or
    None when there is none; `snapshot` is true of an event that repeats the whole state.
    """
    known = -1 if onto is None else onto
    if snapshot:
        return Fit.KNOWN if version < known else Fit.NEXT
    if version <= known:
        return Fit.KNOWN
    return Fit.NEXT if version == known + 1 else Fit.EARLY
