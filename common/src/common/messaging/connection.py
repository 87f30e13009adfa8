"""The connection to NATS: supervised, and established again whenever it is lost or closed."""

import asyncio
import logging
import math
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nats.errors import Error as NatsError

from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.failure_detector import FailureDetector
from common.messaging.nats_client import JetStream, NatsClient
from common.messaging.nats_errors import describe, nats_errors
from common.shutdown import BUS_SECONDS
from common.tasks import TaskSupervisor
from common.waiting import wait_for_event

RETRY_SECONDS = 0.5
LONGEST_PAUSE = 5.0
POLL_SECONDS = 1.0
LAST_ERROR_SECONDS = 10.0
"""How long an error of NATS may explain why there is no answer."""

ATTEMPT_SECONDS = 60.0
"""After so long without an attempt to connect, nobody supervises the connection."""

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class Connection:
    """One client of NATS after the other.

    The library connects again by itself after most losses. After an error of the server (a limit,
    a password that was changed) it closes for good: one more outage, which a new client ends. So
    does one that goes to the next server, when this one answers and its JetStream does not: it may
    be cut off from the others.
    """

    def __init__(self, url: str, name: str, ca_file: Path | None = None) -> None:
        self._servers, self._name, self._ca_file = url.split(","), name, ca_file
        random.shuffle(self._servers)
        self.client = NatsClient()
        self.jetstream = JetStream(self.client)
        self.on_connected: Callable[[], None] = lambda: None
        """Called after each connection, the first included."""
        self.on_problem: Callable[[str], None] = lambda _words: None
        """Called with the message whenever NATS reports an error."""
        self.was_connected = asyncio.Event()
        """Set after the first connection."""
        self._supervisor = TaskSupervisor()
        self._is_closing = False
        self._over = asyncio.Event()
        self._supervised_at = math.inf  # not before `start`
        self._error, self._error_at = "", 0.0
        self.requests = FailureDetector(self._switch_server)
        """Detects an outage of JetStream's API."""
        self.publishing = FailureDetector(self._switch_server)
        """Detects an outage of publishing to the stream."""

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self.client.is_connected

    @property
    def is_supervised(self) -> bool:
        """Whether the connection is still supervised, with whatever success."""
        return time.monotonic() - self._supervised_at < ATTEMPT_SECONDS

    @property
    def last_error(self) -> str:
        """The last error that NATS reported, such as a missing permission, if it is recent."""
        is_recent = time.monotonic() - self._error_at < LAST_ERROR_SECONDS
        return self._error if is_recent else ""

    @contextmanager
    def errors(self, stream: str) -> Iterator[None]:
        """Translates errors of a request into Unavailable."""
        if not self.is_connected:
            said = f": {self.last_error}" if self.last_error else ""
            raise Unavailable(f"not connected to NATS{said}")
        with self.requests.observe(), nats_errors(stream, lambda: self.last_error):
            yield

    def start(self) -> None:
        """Connect, and stay connected, in the background, until `close`."""
        self._supervised_at = time.monotonic()
        self._supervisor.start(self._run)

    async def _run(self) -> None:
        """Runs one client after the other, with backoff in between."""
        pause = RETRY_SECONDS
        while not self._is_closing:
            began = time.monotonic()
            await self._run_client()
            lived = time.monotonic() - began
            pause = RETRY_SECONDS if lived > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)
            self.client = NatsClient()
            self.jetstream = JetStream(self.client)

    async def _run_client(self) -> None:
        """Runs one client until it is closed, or we switch to another server."""
        over = self._over = asyncio.Event()

        async def on_closed() -> None:
            over.set()

        self._supervised_at = time.monotonic()
        try:
            await self._connect(on_closed)
        except (NatsError, OSError, TimeoutError) as error:
            await self._on_error(error)
            return
        self.was_connected.set()
        self.on_connected()
        while not (self.client.is_closed or over.is_set()):
            if self.is_connected:
                self._supervised_at = time.monotonic()
            await wait_for_event(over, POLL_SECONDS)  # it does not always say so
        if self.client.is_closed:
            self._remember(self.client.last_error)
            rate_limited.warning("NATS closed the connection", error=self.last_error)
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                await self.client.close()

    def _switch_server(self) -> None:
        if current := self.client.connected_url:
            log.warning("JetStream does not answer: trying the next server")
            others = [server for server in self.client.servers if server != current]
            self._servers = [server.geturl() for server in (*others, current)]
            self._over.set()

    async def _connect(self, on_closed: Callable[[], Awaitable[None]]) -> None:
        await self.client.connect(
            self._servers,
            dont_randomize=True,  # it was done; who left a server tries that one last
            name=self._name,
            inbox_prefix=f"_INBOX_{self._name}",  # a user may be kept to its own answers
            tls=ssl.create_default_context(cafile=self._ca_file) if self._ca_file else None,
            connect_timeout=2,
            reconnect_time_wait=RETRY_SECONDS,  # type: ignore[arg-type]  # it only sleeps
            max_reconnect_attempts=-1,
            ping_interval=5,
            reconnected_cb=self._on_reconnected,
            disconnected_cb=self._on_disconnected,
            closed_cb=on_closed,
            error_cb=self._on_error,
        )

    async def _on_reconnected(self) -> None:
        log.info("connected to NATS again")
        self.on_connected()

    async def _on_disconnected(self) -> None:
        if not self._is_closing:
            log.warning("not connected to NATS")

    async def _on_error(self, error: Exception) -> None:
        """An attempt to connect has failed, or a permission is missing."""
        self._supervised_at = time.monotonic()
        self._remember(error)
        self.on_problem(self._error)
        rate_limited.warning("NATS reports a problem", error=self._error)
        if self.is_connected:
            self.requests.succeeded()
            self.publishing.succeeded()

    def _remember(self, error: Exception | None) -> None:
        if error:
            self._error, self._error_at = describe(error), time.monotonic()

    async def close(self) -> None:
        """Flush and close the connection."""
        self._is_closing = True
        await self._supervisor.stop()
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                if self.client.is_connected:
                    await self.client.flush(timeout=BUS_SECONDS)
                await self.client.close()
