"""Replies to the requests of other services, at whichever replica they arrive."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from common.contracts.requests import ServiceRequest, request_subject
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.delivery import Inbox

Reply = Callable[[bytes], Awaitable[bytes]]
"""From the body of a request. Raises Unavailable to send no reply: the requester retries."""

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class Responder:
    """One replica's share of the requests to its service."""

    def __init__(self, bus: Bus, service: str, replies: Mapping[ServiceRequest, Reply]) -> None:
        self._bus, self._service, self._replies = bus, service, replies
        self._inboxes: dict[ServiceRequest, Inbox] = {}

    async def start(self) -> None:
        """Subscribe; called again after each connection."""
        for request, reply in self._replies.items():
            inbox = self._inboxes.get(request)
            if inbox is None or not inbox.is_open():
                subject = request_subject(request, self._service)
                self._inboxes[request] = await self._bus.requests.serve(
                    subject, self._service, self._or_nothing(reply)
                )

    def _or_nothing(self, reply: Reply) -> Callable[[bytes], Awaitable[bytes | None]]:
        async def respond(body: bytes) -> bytes | None:
            try:
                return await reply(body)
            except (Unavailable, ValueError) as error:
                rate_limited.warning("a request is not answered", error=str(error))
                return None

        return respond

    async def stop(self, _seconds: float) -> None:
        """Leave the requests to other replicas."""
        for inbox in self._inboxes.values():
            await inbox.close()
