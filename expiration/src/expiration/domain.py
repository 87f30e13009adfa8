"""The states of a timer."""

from enum import StrEnum


class TimerState(StrEnum):
    """Created, completed and cancelled orders may be heard in any order, with the same end."""

    SCHEDULED = "scheduled"
    FIRED = "fired"
    CANCELLED = "cancelled"
