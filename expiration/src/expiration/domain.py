"""The states of a timer."""

from enum import StrEnum


class TimerState(StrEnum):
    """Created, completed and cancelled orders may arrive in any order, with the same result."""

    SCHEDULED = "scheduled"
    FIRED = "fired"
    CANCELLED = "cancelled"
