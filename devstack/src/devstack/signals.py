"""Signals to stop: recorded by the handler, checked where it is safe."""

import signal
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """A signal to stop was received."""


class StopSignals:
    """Records SIGINT, SIGTERM and SIGHUP instead of raising in the handler."""

    def __init__(self) -> None:
        self._received: list[int] = []
        for number in STOPPING:
            signal.signal(number, self._note)

    def check(self) -> None:
        """Raise StopRequested if a signal was received."""
        if self._received:
            raise StopRequested

    def is_urgent(self) -> bool:
        """Whether Ctrl-C was pressed again."""
        return len(self._received) > 1 and self._received[-1] == signal.SIGINT

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
