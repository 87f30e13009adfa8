"""The connection to NATS: made anew whenever it is lost or closed, and quoted on why."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from typing_extensions import override

from common.background import Background
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.nats_errors import nats_errors, words_of
from common.stopping import BUS_SECONDS

TRY_AGAIN_SECONDS = 0.5
LONGEST_PAUSE = 5.0
LOOK_SECONDS = 1.0
LAST_ERROR_SECONDS = 10.0
"""How long what NATS said may explain why it does not answer."""

log = logging.getLogger(__name__)
rarely = RateLimitedLog(log)


class _Client(Client):
    """The library's, but its pings wait their turn: a pong means that all before has arrived."""

    @override
    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        await self._flush_pending(force_flush=True)
        await super()._send_ping(future)


class Connection:
    """One client of NATS after the other.

    The library connects again by itself after most losses. After an error of the server (a limit,
    a password that was changed) it closes for good: one more outage, which a new client ends.
    """

    def __init__(self, url: str, name: str, ca_file: Path | None = None) -> None:
        self._url, self._name, self._ca_file = url, name, ca_file
        self.client = _Client()
        self.jetstream: JetStreamContext = self.client.jetstream()
        self.on_connected: Callable[[], None] = lambda: None
        """Called after each connection, the first included."""
        self.on_problem: Callable[[str], None] = lambda _words: None
        """Called with what NATS says whenever it reports a problem."""
        self.was_connected = asyncio.Event()
        """Set after the first connection."""
        self._background = Background()
        self._is_closing = False
        self._error, self._error_at = "", 0.0

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self.client.is_connected

    @property
    def last_error(self) -> str:
        """What NATS said a moment ago, such as a permission that is missing; else nothing."""
        is_recent = time.monotonic() - self._error_at < LAST_ERROR_SECONDS
        return self._error if is_recent else ""

    @contextmanager
    def errors(self, stream: str) -> Iterator[None]:
        """Has what goes wrong in a request raise Unavailable, in NATS' words."""
        if not self.is_connected:
            said = f": {self.last_error}" if self.last_error else ""
            raise Unavailable(f"not connected to NATS{said}")
        with nats_errors(stream, lambda: self.last_error):
            yield

    def start(self) -> None:
        """Be connected in the background, until `close`."""
        self._background.start(self._run)

    async def _run(self) -> None:
        """One client after the other, with growing pauses in between."""
        pause = TRY_AGAIN_SECONDS
        while not self._is_closing:
            began = time.monotonic()
            await self._live()
            if not self._is_closing:
                self._remember(self.client.last_error)
                rarely.warning("NATS closed the connection", error=self.last_error)
                lived = time.monotonic() - began
                pause = (
                    TRY_AGAIN_SECONDS if lived > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
                )
                await asyncio.sleep(pause)
                self.client = _Client()
                self.jetstream = self.client.jetstream()

    async def _live(self) -> None:
        """The life of one client: until it is closed, by whomever."""
        closed = asyncio.Event()

        async def on_closed() -> None:
            closed.set()

        try:
            await self._connect(on_closed)
        except (NatsError, OSError, TimeoutError) as error:
            await self._failed(error)
            return
        self.was_connected.set()
        self.on_connected()
        while not (self.client.is_closed or closed.is_set()):
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # it does not always say so
                    await closed.wait()

    async def _connect(self, on_closed: Callable[[], Awaitable[None]]) -> None:
        await self.client.connect(
            self._url.split(","),
            name=self._name,
            inbox_prefix=f"_INBOX_{self._name}",  # a user may be kept to its own answers
            tls=ssl.create_default_context(cafile=self._ca_file) if self._ca_file else None,
            connect_timeout=2,
            reconnect_time_wait=TRY_AGAIN_SECONDS,  # type: ignore[arg-type]  # it only sleeps
            max_reconnect_attempts=-1,
            ping_interval=5,
            reconnected_cb=self._reconnected,
            disconnected_cb=self._disconnected,
            closed_cb=on_closed,
            error_cb=self._failed,
        )

    async def _reconnected(self) -> None:
        log.info("connected to NATS again")
        self.on_connected()

    async def _disconnected(self) -> None:
        if not self._is_closing:
            log.warning("not connected to NATS")

    async def _failed(self, error: Exception) -> None:
        self._remember(error)
        self.on_problem(self._error)
        rarely.warning("NATS reports a problem", error=self._error)

    def _remember(self, error: Exception | None) -> None:
        if error:
            self._error, self._error_at = words_of(error), time.monotonic()

    async def close(self) -> None:
        """Send what is still on its way out and leave."""
        self._is_closing = True
        await self._background.stop()
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                if self.client.is_connected:
                    await self.client.flush(timeout=BUS_SECONDS)
                await self.client.close()
