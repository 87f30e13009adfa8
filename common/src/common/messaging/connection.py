"""The connection to NATS: made anew whenever it is lost or closed, and quoted on why."""

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

TRY_AGAIN_SECONDS = 0.5
LONGEST_PAUSE = 5.0
LOOK_SECONDS = 1.0
LAST_ERROR_SECONDS = 10.0
"""How long what NATS said may explain why it does not answer."""

ATTEMPT_SECONDS = 60.0
"""By then, whoever is not connected has tried to be, however NATS is."""

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
        """Called with what NATS says whenever it reports a problem."""
        self.was_connected = asyncio.Event()
        """Set after the first connection."""
        self._supervisor = TaskSupervisor()
        self._is_closing = False
        self._over = asyncio.Event()
        self._seen_to_at = math.inf  # before `start`, nobody has to
        self._error, self._error_at = "", 0.0
        self.requests = FailureDetector(self._hang_up)
        """Of JetStream's API."""
        self.publishing = FailureDetector(self._hang_up)
        """Of the stream, for what it is given."""

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self.client.is_connected

    @property
    def is_kept_up(self) -> bool:
        """Whether somebody still sees to it, with whatever success."""
        return time.monotonic() - self._seen_to_at < ATTEMPT_SECONDS

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
        with self.requests.observe(), nats_errors(stream, lambda: self.last_error):
            yield

    def start(self) -> None:
        """Be connected in the background, until `close`."""
        self._seen_to_at = time.monotonic()
        self._supervisor.start(self._run)

    async def _run(self) -> None:
        """One client after the other, with growing pauses in between."""
        pause = TRY_AGAIN_SECONDS
        while not self._is_closing:
            began = time.monotonic()
            await self._live()
            lived = time.monotonic() - began
            pause = TRY_AGAIN_SECONDS if lived > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)
            self.client = NatsClient()
            self.jetstream = JetStream(self.client)

    async def _live(self) -> None:
        """The life of one client: until it is closed, by whomever, or we hang up."""
        over = self._over = asyncio.Event()

        async def on_closed() -> None:
            over.set()

        self._seen_to_at = time.monotonic()
        try:
            await self._connect(on_closed)
        except (NatsError, OSError, TimeoutError) as error:
            await self._failed(error)
            return
        self.was_connected.set()
        self.on_connected()
        while not (self.client.is_closed or over.is_set()):
            if self.is_connected:
                self._seen_to_at = time.monotonic()
            await wait_for_event(over, LOOK_SECONDS)  # it does not always say so
        if self.client.is_closed:
            self._remember(self.client.last_error)
            rate_limited.warning("NATS closed the connection", error=self.last_error)
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                await self.client.close()

    def _hang_up(self) -> None:
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
        """An attempt to connect has failed, or what was asked for is not permitted."""
        self._seen_to_at = time.monotonic()
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
        """Send what is still on its way out and leave."""
        self._is_closing = True
        await self._supervisor.stop()
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                if self.client.is_connected:
                    await self.client.flush(timeout=BUS_SECONDS)
                await self.client.close()
