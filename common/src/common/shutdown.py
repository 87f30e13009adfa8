"""Graceful shutdown: drain, then close the server, then exit, all within 10 s.

A server that closes at once resets the connections that a gateway has just opened or is just
writing a request into, and nobody can tell whether such a request was processed. So SIGTERM only
starts draining: `/acceptz` says no, load balancers stop sending requests here, and the server
closes afterwards (docs/decisions/0009).
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

# The budget of a shutdown, step by step. With a lame duck period of 2 s that is 9 s of 10: a
# busy machine may take the rest.
REQUESTS_SECONDS = 3
"""For requests in flight (uvicorn's --timeout-graceful-shutdown)."""
HANDLERS_SECONDS = 1.5
"""For running event handlers; unfinished events go to another replica at once."""
OUTBOX_SECONDS = 1.0
"""For publishing what these wrote; the rest is published by another replica, or later."""
BUS_SECONDS = 1
"""For flushing and closing the connection to NATS."""
REST_SECONDS = 0.5
"""For the database, and everything else."""
CLOSING_SECONDS = REQUESTS_SECONDS + HANDLERS_SECONDS + OUTBOX_SECONDS + BUS_SECONDS + REST_SECONDS

log = logging.getLogger(__name__)

CloseServer = Callable[[int, FrameType | None], object]


class GracefulShutdown:
    """Handles SIGTERM by draining first; SIGINT stays with the web server, which closes at once."""

    def __init__(self, lame_duck_seconds: float) -> None:
        self._lame_duck_seconds = lame_duck_seconds
        self._close_server: CloseServer | None = None
        self.on_drain: list[Callable[[], None]] = []
        """Called when draining starts: ends what would never end by itself, such as SSE streams."""
        self.is_draining = False
        self.is_started = False

    @contextmanager
    def signal_handlers(self) -> Iterator[None]:
        """Within the block, handle the signals instead of the web server."""
        server, interrupt = map(signal.getsignal, (signal.SIGTERM, signal.SIGINT))
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or not callable(server) or not callable(interrupt):
            yield
            return

        def close_at_once(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._on_sigint)
            interrupt(number, frame)

        loop = asyncio.get_running_loop()
        self._close_server = server
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(self._on_sigterm))
        signal.signal(signal.SIGINT, close_at_once)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, server)
            signal.signal(signal.SIGINT, interrupt)

    def _on_sigterm(self) -> None:
        if not self.is_started:
            _exit_now()
        elif self.is_draining:
            self._close()  # a second SIGTERM skips the lame duck period
        else:
            self._drain()

    def _on_sigint(self) -> None:
        if not self.is_started:
            _exit_now()
        self._notify()

    def _drain(self) -> None:
        log.info("stopping")
        self.is_draining = True
        self._notify()
        asyncio.get_running_loop().call_later(self._lame_duck_seconds, self._close)
        last_resort = threading.Timer(self._lame_duck_seconds + CLOSING_SECONDS, _exit_now)
        last_resort.daemon = True
        last_resort.start()

    def _notify(self) -> None:
        for callback in self.on_drain:
            callback()

    def _close(self) -> None:
        close, self._close_server = self._close_server, None
        if close:  # uvicorn takes a second call for a forced exit
            close(signal.SIGINT, None)  # after SIGTERM it would end as if killed, not with 0


def _exit_now() -> None:
    """Exit without joining threads: one that waits for a silent database cannot be interrupted."""
    sys.stdout.flush()
    os._exit(0)
