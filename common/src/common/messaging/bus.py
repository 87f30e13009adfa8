"""The message bus as a service uses it: publish, subscribe, and wait until the topology exists."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from common.logs import RateLimitedLog
from common.messaging.connection import Connection
from common.messaging.delivery import Delivery, Inbox, PullStatus, original_subject
from common.messaging.live_consumers import LiveConsumers
from common.messaging.publications import Publications
from common.messaging.requests import Requests, inbox_of
from common.messaging.streams import STREAM, Streams

RETRY_SECONDS = 0.5

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class Bus:
    """A connection to NATS that reconnects by itself.

    It uses streams and consumers and creates none (see `topology`). Whatever needs an answer
    raises Unavailable when none comes. `ca_file` holds the authority that signed the servers'
    certificates, where it is not one that the whole machine trusts.
    """

    def __init__(self, url: str, *, service: str, ca_file: Path | None = None) -> None:
        self._connection = Connection(url, service, ca_file)
        self._connection.on_connected = self._connected
        self._publications = Publications(self._connection, self.resubscribe_soon)
        self.publish = self._publications.publish
        self.streams = Streams(self._connection)
        self.requests = Requests(self._connection)
        self.live_consumers = LiveConsumers(self._connection, service)
        self._subscribing: asyncio.Task[None] | None = None
        self._was_ready = asyncio.Event()
        self._closing = False
        self.on_connected: list[Callable[[], Awaitable[None]]] = []
        """Callbacks that subscribe; awaited after each connection, the first included, and after
        `resubscribe_soon`, and retried until none of them raises."""
        self.unready_reason = "not connected to NATS yet"
        """Why the bus is not ready; empty when it is."""

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self._connection.is_connected

    @property
    def last_error(self) -> str:
        """The last error that NATS reported, if it is recent."""
        return self._connection.last_error

    @property
    def is_supervised(self) -> bool:
        """Whether the connection is still supervised, with whatever success."""
        return self._connection.is_supervised

    @property
    def problem(self) -> str:
        """Why nothing can be published or received, as NATS reports it; empty when it can."""
        if not self.is_connected:
            return self.last_error or "not connected to NATS"
        kinds = (self._publications.storing, self._connection.publishing, self._connection.requests)
        return next((kind.problem for kind in kinds if kind.problem), "")

    @property
    def is_ready(self) -> bool:
        """Whether everything has been subscribed once."""
        return self._was_ready.is_set()

    async def connect(self) -> None:
        """Connect, and wait until everything is subscribed, however long that takes."""
        self._connection.start()
        await self._was_ready.wait()

    def _connected(self) -> None:
        self._publications.limit.warn_if_small()
        if self._subscribing:
            self._subscribing.cancel()
            self._subscribing = None
        self.resubscribe_soon()

    def resubscribe_soon(self) -> None:
        """Have `on_connected` run again: the caller has noticed that something is missing.

        Ignored while that is being done, so call it for as long as something is missing.
        """
        is_under_way = self._subscribing is not None and not self._subscribing.done()
        if not (self._closing or is_under_way):
            self._subscribing = asyncio.create_task(self._subscribe())

    async def _subscribe(self) -> None:
        """Retries until it succeeds, every RETRY_SECONDS at most."""
        is_ready = False
        while not is_ready:
            is_ready = await self._try_to_subscribe()
            await asyncio.sleep(RETRY_SECONDS)

    async def _try_to_subscribe(self) -> bool:
        try:
            for subscribe in self.on_connected:
                await subscribe()
        except Exception as error:  # noqa: BLE001 - whatever it is, without this nothing works
            self.unready_reason = str(error) or repr(error)
            rate_limited.warning("waiting for the topology", error=self.unready_reason)
            return False
        self.unready_reason = ""
        self._was_ready.set()
        return True

    async def subscribe_inbox(
        self, receive: Callable[[Delivery | PullStatus], Awaitable[None]]
    ) -> Inbox:
        """Subscribe to a new inbox, for messages that will be pulled."""
        client = self._connection.client
        address = client.new_inbox()

        async def on_message(message: Msg) -> None:
            await receive(_received(message))

        return inbox_of(client, address, await client.subscribe(address, cb=on_message))

    async def pull(self, durable: str, inbox: Inbox, request: Mapping[str, int]) -> None:
        """Request messages; they, and the status of the request, arrive in the inbox."""
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{durable}"
        with suppress(NatsError):
            await self._connection.client.publish(
                subject, json.dumps(request).encode(), inbox.address
            )

    async def close(self) -> None:
        """Flush and close the connection."""
        self._closing = True
        if self._subscribing:
            self._subscribing.cancel()
        await self._connection.close()


def _received(message: Msg) -> Delivery | PullStatus:
    headers = message.headers or {}
    if "Status" in headers:
        return PullStatus.of(headers)
    return Delivery(
        subject=original_subject(message.subject, headers),
        body=message.data,
        headers=headers,
        sequence=message.metadata.sequence.stream,
        consumer_sequence=message.metadata.sequence.consumer,
        stored_at=message.metadata.timestamp,
        delivery_count=message.metadata.num_delivered,
        raw=message,
    )
