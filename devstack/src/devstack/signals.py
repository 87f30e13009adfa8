"""Requests to stop, noted when they come and acted upon where it is safe."""

import signal
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """Somebody wants the stack to stop."""


class StopSignals:
    """Counts Ctrl-C and its relatives instead of being torn away in the middle of something."""

    def __init__(self) -> None:
        self._received: list[int] = []
        for number in STOPPING:
            signal.signal(number, self._note)

    def check(self) -> None:
        """StopRequested when there was a signal."""
        if self._received:
            raise StopRequested

    def is_urgent(self) -> bool:
        """Whether Ctrl-C was pressed again."""
        return len(self._received) > 1 and self._received[-1] == signal.SIGINT

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
