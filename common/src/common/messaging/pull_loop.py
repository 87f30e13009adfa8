"""Backpressure by credit: pulls messages of a durable consumer as fast as they are handled."""

from collections.abc import Callable

from common.messaging.bus import Bus
from common.messaging.delivery import HEARTBEAT_SECONDS, Delivery, Inbox, PullStatus
from common.messaging.watchdog import Watchdog

CREDIT = 256
"""How many messages one replica has requested or is handling; what queues behind a key is free."""

EXPIRES_SECONDS = 20.0

_NANO = 1_000_000_000


class PullLoop:
    """Requests more as soon as half of the credit is available.

    One inbox and one callback for all pull requests, so that no request can swallow the messages of
    another, and heartbeats, so that a lost request is noticed (both as in NATS' ADR-37).
    `load` returns how much of the credit is used by messages that were delivered.
    """

    def __init__(
        self,
        bus: Bus,
        durable: str,
        on_delivery: Callable[[Delivery], None],
        load: Callable[[], int],
    ) -> None:
        self._bus, self._durable, self._on_delivery, self._load = bus, durable, on_delivery, load
        self._outstanding = 0
        self._inbox: Inbox | None = None
        self._stopped = False
        self._watchdog = Watchdog(bus)

    async def start(self) -> None:
        """Start; or request anew, as requests survive neither a reconnection nor a deletion."""
        if self._stopped:
            return
        if self._inbox is None or not self._inbox.is_open():
            self._inbox = await self._bus.subscribe_inbox(self._on_message)
        self._watchdog.begin()
        self._outstanding = 0
        await self.request()

    async def stop(self) -> None:
        """Receive nothing more."""
        self._stopped = True
        self._watchdog.stop()
        inbox, self._inbox = self._inbox, None
        if inbox:
            await inbox.close()

    async def request(self) -> None:
        """Request more if there is enough credit; to be called when the load has gone down."""
        wanted = CREDIT - self._outstanding - self._load()
        if self._inbox is None or wanted < CREDIT // 2:
            return
        self._outstanding += wanted
        request = {
            "batch": wanted,
            "expires": int(EXPIRES_SECONDS * _NANO),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * _NANO),
        }
        await self._bus.pull(self._durable, self._inbox, request)

    async def _on_message(self, message: Delivery | PullStatus) -> None:
        self._watchdog.seen()
        if isinstance(message, Delivery):
            self._outstanding = max(0, self._outstanding - 1)
            self._on_delivery(message)
            await self.request()
        elif message.code in {"404", "408"}:  # this request is over
            expired = message.pending_messages or self._outstanding
            self._outstanding = max(0, self._outstanding - expired)
            await self.request()
        elif (
            message.code != "100"
        ):  # deleted, no responders: requesting at once would be a hot loop
            self._outstanding = 0
            self._watchdog.missed()
