"""How long a server has left all questions of one kind unanswered, and what that leads to."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.errors import Refused, Unavailable
from common.messaging.nats_errors import Silent

SILENT_SECONDS = 10.0
"""From when on it is no delay any more, but an outage."""

LONGEST_PAUSE = 60.0
FORGOTTEN_SECONDS = 30.0
"""When nobody asks again for so long, the silence is not held against the server any more."""


def _nothing() -> None:
    """Whoever has no remedy only wants to know."""


class Silence:
    """Questions that stay unanswered one after the other, from the first one on.

    Only what was asked counts, and only once its time was over, so a server that nobody asks, and
    a line that is slow, are not silent. `remedy` is called after
    SILENT_SECONDS, and then with growing pauses for as long as it lasts; `failure` is what counts
    as no answer.
    """

    def __init__(
        self, remedy: Callable[[], None] = _nothing, failure: type[Unavailable] = Silent
    ) -> None:
        self._remedy, self._failure = remedy, failure
        self._since = self._until = 0.0
        self._why = ""
        self._next = SILENT_SECONDS

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask within the block: what it raises tells whether there was an answer."""
        asked_at = time.monotonic()
        try:
            yield
        except Refused as error:
            if self._is_on:  # a server that is cut off says that there is no stream
                self._unanswered(asked_at, str(error))
            raise
        except self._failure as error:
            self._unanswered(asked_at, str(error))
            raise
        except Exception:
            self.answered()
            raise
        self.answered()

    def answered(self) -> None:
        """It is over."""
        self._why = ""

    def _unanswered(self, asked_at: float, why: str) -> None:
        if not self._is_on:
            self._since, self._next = asked_at, SILENT_SECONDS
        self._why, self._until = why, time.monotonic()
        if self.seconds >= self._next:
            self._next = self.seconds + min(self.seconds, LONGEST_PAUSE)
            self._remedy()

    @property
    def _is_on(self) -> bool:
        return bool(self._why) and time.monotonic() - self._until < FORGOTTEN_SECONDS

    @property
    def seconds(self) -> float:
        """From the first question without an answer to the last one; 0 when there is none."""
        return self._until - self._since if self._is_on else 0.0

    @property
    def problem(self) -> str:
        """What the last failure said, and for how long it is like that; empty if not for long."""
        seconds = self.seconds
        return f"{self._why}, for {seconds:.0f} s" if seconds >= SILENT_SECONDS else ""
