"""Keeps credit for messages outstanding on a durable consumer, through every reconnection."""

from collections.abc import Callable

from common.messaging.bus import Bus
from common.messaging.delivery import HEARTBEAT_SECONDS, Delivery, Inbox, PullStatus
from common.messaging.watchdog import Watchdog

CREDIT = 256
"""How many messages one replica has asked for or is working on; what waits in a lane is neither."""

EXPIRES_SECONDS = 20.0

_NANO = 1_000_000_000


class PullLoop:
    """Asks for more as soon as half of the credit is used up.

    One inbox and one callback for all requests, so that no request can swallow the messages of
    another, and heartbeats, so that a lost request is noticed (both as NATS' ADR-37 asks).
    `load` tells how much of the credit is used by messages that were taken.
    """

    def __init__(
        self, bus: Bus, durable: str, take: Callable[[Delivery], None], load: Callable[[], int]
    ) -> None:
        self._bus, self._durable, self._take, self._load = bus, durable, take, load
        self._asked = 0
        self._inbox: Inbox | None = None
        self._stopped = False
        self._watchdog = Watchdog(bus)

    async def start(self) -> None:
        """Begin; or ask anew, because requests survive neither a reconnection nor a deletion."""
        if self._stopped:
            return
        if self._inbox is None or not self._inbox.is_open():
            self._inbox = await self._bus.listen(self._receive)
        self._watchdog.begin()
        self._asked = 0
        await self.ask()

    async def stop(self) -> None:
        """Take nothing more."""
        self._stopped = True
        self._watchdog.stop()
        inbox, self._inbox = self._inbox, None
        if inbox:
            await inbox.close()

    async def ask(self) -> None:
        """Ask for more if that is worth it; to be called when there is less load."""
        wanted = CREDIT - self._asked - self._load()
        if self._inbox is None or wanted < CREDIT // 2:
            return
        self._asked += wanted
        request = {
            "batch": wanted,
            "expires": int(EXPIRES_SECONDS * _NANO),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * _NANO),
        }
        await self._bus.pull(self._durable, self._inbox, request)

    async def _receive(self, message: Delivery | PullStatus) -> None:
        self._watchdog.seen()
        if isinstance(message, Delivery):
            self._asked = max(0, self._asked - 1)
            self._take(message)
            await self.ask()
        elif message.code in {"404", "408"}:  # this request is over
            self._asked = max(0, self._asked - (message.unused or self._asked))
            await self.ask()
        elif message.code != "100":  # deleted, no responders: asking at once would be a hot loop
            self._asked = 0
            self._watchdog.missed()
