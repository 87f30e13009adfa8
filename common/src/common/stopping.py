"""How a service stops: first it is no longer chosen, then it closes, and in 10 s it is gone.

A server that closes at once resets the connections that a gateway has just opened or is just
writing a request into, and nobody can tell whether such a request was done. So SIGTERM only says
"stopping"; load balancers see that at `/acceptz`, and the server closes when none chooses it any
more (docs/decisions/0009).
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# The budget of a stop, one step after the other. With a lame duck of 2 s that is 9 s of 10: a
# busy machine may take the rest.
REQUESTS_SECONDS = 3
"""For requests that have begun (uvicorn's --timeout-graceful-shutdown)."""
HANDLERS_SECONDS = 1.5
"""For events whose handlers run; what is left goes to another replica at once."""
OUTBOX_SECONDS = 1.0
"""For announcing what these wrote; what is left is announced by another replica, or later."""
BUS_SECONDS = 1
"""For the last words to the bus."""
REST_SECONDS = 0.5
"""For the database, and everything else."""
CLOSING_SECONDS = REQUESTS_SECONDS + HANDLERS_SECONDS + OUTBOX_SECONDS + BUS_SECONDS + REST_SECONDS

log = logging.getLogger(__name__)

CloseServer = Callable[[int, FrameType | None], object]


class Stop:
    """Turns SIGTERM into an orderly end; SIGINT stays with the web server, which closes at once."""

    def __init__(self, lame_duck_seconds: float) -> None:
        self._lame_duck_seconds = lame_duck_seconds
        self._close_server: CloseServer | None = None
        self.on_asked: list[Callable[[], None]] = []
        """Called at the beginning of a stop: what would never end by itself ends now."""
        self.is_asked = False
        self.has_something_to_finish = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Heed SIGTERM for as long as the block, instead of the web server that does now."""
        server, interrupt = map(signal.getsignal, (signal.SIGTERM, signal.SIGINT))
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or not callable(server) or not callable(interrupt):
            yield
            return

        def close_at_once(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._hurry)
            interrupt(number, frame)

        loop = asyncio.get_running_loop()
        self._close_server = server
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(self._ask))
        signal.signal(signal.SIGINT, close_at_once)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, server)
            signal.signal(signal.SIGINT, interrupt)

    def _ask(self) -> None:
        if not self.has_something_to_finish:
            _end_now()
        elif self.is_asked:
            self._close()  # somebody has no time
        else:
            self._begin()

    def _hurry(self) -> None:
        if not self.has_something_to_finish:
            _end_now()
        self._tell()

    def _begin(self) -> None:
        log.info("stopping")
        self.is_asked = True
        self._tell()
        asyncio.get_running_loop().call_later(self._lame_duck_seconds, self._close)
        last_resort = threading.Timer(self._lame_duck_seconds + CLOSING_SECONDS, _end_now)
        last_resort.daemon = True
        last_resort.start()

    def _tell(self) -> None:
        for end in self.on_asked:
            end()

    def _close(self) -> None:
        close, self._close_server = self._close_server, None
        if close:  # uvicorn takes a second call for impatience
            close(signal.SIGINT, None)  # after SIGTERM it would end as if killed, not with 0


def _end_now() -> None:
    """End without waiting for threads: one that asks a silent database cannot be interrupted."""
    sys.stdout.flush()
    os._exit(0)
