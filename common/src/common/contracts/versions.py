"""The version rule of read models: duplicates are dropped, gaps are redelivered."""

from enum import Enum, auto


class VersionCheck(Enum):
    """How the version of an event compares with that of the read model."""

    DUPLICATE = auto()
    """It has been applied already: acknowledge it and change nothing."""
    NEXT = auto()
    """It is the next one: apply it."""
    GAP = auto()
    """Its predecessor has not arrived yet: have it redelivered."""


def check_version(version: int, *, onto: int | None, snapshot: object) -> VersionCheck:
    """Version v is applied onto v-1; a snapshot onto any version that is not newer.

    A snapshot of the same version is applied, too: it may have a field that the event has gained
    since. `onto` is the version of the read model, or None when there is none; `snapshot` is true
    for an event with the whole state.
    """
    known = -1 if onto is None else onto
    if snapshot:
        return VersionCheck.DUPLICATE if version < known else VersionCheck.NEXT
    if version <= known:
        return VersionCheck.DUPLICATE
    return VersionCheck.NEXT if version == known + 1 else VersionCheck.GAP
