"""The bus as a service uses it: publishing, receiving, and waiting until all is there for that."""

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

TRY_AGAIN_SECONDS = 0.5

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class Bus:
    """A connection to NATS that heals by itself.

    It uses streams and consumers and makes none of them (see `topology`). Whatever needs an answer
    raises Unavailable when none comes. `ca_file` holds the authority that signed the servers'
    certificates, where it is not one that the whole machine trusts.
    """

    def __init__(self, url: str, *, service: str, ca_file: Path | None = None) -> None:
        self._connection = Connection(url, service, ca_file)
        self._connection.on_connected = self._connected
        self._publications = Publications(self._connection, self.prepare_again)
        self.publish = self._publications.publish
        self.streams = Streams(self._connection)
        self.requests = Requests(self._connection)
        self.live_consumers = LiveConsumers(self._connection, service)
        self._preparing: asyncio.Task[None] | None = None
        self._prepared = asyncio.Event()
        self._closing = False
        self.on_connected: list[Callable[[], Awaitable[None]]] = []
        """Awaited after each connection, the first included, and when somebody misses something;
        again and again until none of them raises."""
        self.waits_for = "not connected to NATS yet"
        """Why the topology cannot be used now; empty when it can."""

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self._connection.is_connected

    @property
    def last_error(self) -> str:
        """What NATS said a moment ago, if it complained."""
        return self._connection.last_error

    @property
    def is_kept_up(self) -> bool:
        """Whether somebody still sees to the connection, with whatever success."""
        return self._connection.is_kept_up

    @property
    def problem(self) -> str:
        """Why nothing can be said or heard now, in NATS' words if it has any; empty when it can."""
        if not self.is_connected:
            return self.last_error or "not connected to NATS"
        kinds = (self._publications.storing, self._connection.publishing, self._connection.requests)
        return next((kind.problem for kind in kinds if kind.problem), "")

    @property
    def is_prepared(self) -> bool:
        """Whether the topology has once been usable."""
        return self._prepared.is_set()

    async def connect(self) -> None:
        """Connect, and wait until the topology can be used, however long that takes."""
        self._connection.start()
        await self._prepared.wait()

    def _connected(self) -> None:
        self._publications.limit.check()
        if self._preparing:
            self._preparing.cancel()
            self._preparing = None
        self.prepare_again()

    def prepare_again(self) -> None:
        """Look soon whether all is there: who asks has noticed that something is missing.

        It is dropped while the same is being done, so ask again as long as it is missing.
        """
        is_under_way = self._preparing is not None and not self._preparing.done()
        if not (self._closing or is_under_way):
            self._preparing = asyncio.create_task(self._prepare())

    async def _prepare(self) -> None:
        """Until it has succeeded, and never more often than every TRY_AGAIN_SECONDS."""
        is_ready = False
        while not is_ready:
            is_ready = await self._try_to_prepare()
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _try_to_prepare(self) -> bool:
        try:
            for prepare in self.on_connected:
                await prepare()
        except Exception as error:  # noqa: BLE001 - whatever it is, without this nothing works
            self.waits_for = str(error) or repr(error)
            rate_limited.warning("waiting for the topology", error=self.waits_for)
            return False
        self.waits_for = ""
        self._prepared.set()
        return True

    async def listen(self, receive: Callable[[Delivery | PullStatus], Awaitable[None]]) -> Inbox:
        """An inbox for messages that will be pulled."""
        client = self._connection.client
        address = client.new_inbox()

        async def on_message(message: Msg) -> None:
            await receive(_received(message))

        return inbox_of(client, address, await client.subscribe(address, cb=on_message))

    async def pull(self, durable: str, inbox: Inbox, request: Mapping[str, int]) -> None:
        """Ask for messages; what comes, and how the request ends, arrives in the inbox."""
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{durable}"
        with suppress(NatsError):
            await self._connection.client.publish(
                subject, json.dumps(request).encode(), inbox.address
            )

    async def close(self) -> None:
        """Send what is still on its way out and leave."""
        self._closing = True
        if self._preparing:
            self._preparing.cancel()
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
