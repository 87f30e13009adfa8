"""A failure detector: an outage is when all requests of one kind fail for some time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.errors import Refused, Unavailable
from common.messaging.nats_errors import NoResponse

OUTAGE_SECONDS = 10.0
"""After so long it is an outage, not a delay."""

LONGEST_PAUSE = 60.0
FORGOTTEN_SECONDS = 30.0
"""When there is no request for so long, earlier failures do not count any more."""


def _nothing() -> None:
    """The default: only detect."""


class FailureDetector:
    """Counts consecutive failures, from the first one on.

    Only requests count, and only after their timeout: a server that is not asked, or a slow line,
    is no outage. `on_outage` is called after OUTAGE_SECONDS, and then with growing pauses for as
    long as it lasts; `failure` is the error that counts as a failure.
    """

    def __init__(
        self, on_outage: Callable[[], None] = _nothing, failure: type[Unavailable] = NoResponse
    ) -> None:
        self._on_outage, self._failure = on_outage, failure
        self._since = self._until = 0.0
        self._why = ""
        self._next = OUTAGE_SECONDS

    @contextmanager
    def observe(self) -> Iterator[None]:
        """Make a request within the block; its error tells whether it failed."""
        asked_at = time.monotonic()
        try:
            yield
        except Refused as error:
            if self._is_on:  # a server that is cut off reports that there is no stream
                self._failed(asked_at, str(error))
            raise
        except self._failure as error:
            self._failed(asked_at, str(error))
            raise
        except Exception:
            self.succeeded()
            raise
        self.succeeded()

    def succeeded(self) -> None:
        """The outage is over."""
        self._why = ""

    def _failed(self, asked_at: float, why: str) -> None:
        if not self._is_on:
            self._since, self._next = asked_at, OUTAGE_SECONDS
        self._why, self._until = why, time.monotonic()
        if self.seconds >= self._next:
            self._next = self.seconds + min(self.seconds, LONGEST_PAUSE)
            self._on_outage()

    @property
    def _is_on(self) -> bool:
        return bool(self._why) and time.monotonic() - self._until < FORGOTTEN_SECONDS

    @property
    def seconds(self) -> float:
        """From the first failure to the last one; 0 when there is none."""
        return self._until - self._since if self._is_on else 0.0

    @property
    def problem(self) -> str:
        """The last error, and for how long requests have failed; empty when there is no outage."""
        seconds = self.seconds
        return f"{self._why}, for {seconds:.0f} s" if seconds >= OUTAGE_SECONDS else ""
