"""The connection to NATS, which heals by itself: publishing, receiving, and being prepared."""

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import NoStreamResponseError
from typing_extensions import override

from common.errors import Unavailable
from common.messaging.delivery import Delivery, Inbox, PullStatus, original_subject
from common.messaging.live_consumers import LiveConsumers
from common.messaging.streams import STREAM, Streams
from common.metrics import counts_published
from common.stopping import BUS_SECONDS

PUBLISH_SECONDS = 5
TRY_AGAIN_SECONDS = 0.5

log = logging.getLogger(__name__)


class _Connection(Client):
    """The library's, but its pings wait their turn: a pong means that all before has arrived."""

    @override
    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        await self._flush_pending(force_flush=True)
        await super()._send_ping(future)


class Bus:
    """A connection to NATS that heals by itself.

    Whatever needs an answer raises Unavailable when none comes. `ca_file` holds the authority that
    signed the servers' certificates, where it is not one that the whole machine trusts.
    """

    def __init__(
        self, url: str, *, service: str, replicas: int | None, ca_file: Path | None = None
    ) -> None:
        """A guest, who declares nothing, leaves `replicas` (of the streams) open."""
        self._url, self._service, self._ca_file = url, service, ca_file
        self._client = _Connection()
        self._stream = self._client.jetstream()
        self.streams = Streams(self._stream, replicas or 1)
        self.live_consumers = LiveConsumers(self._client, service)
        self._preparing: asyncio.Task[None] | None = None
        self._prepared = asyncio.Event()
        self._is_guest, self._closing = replicas is None, False
        self.on_connected: list[Callable[[], Awaitable[None]]] = []
        """Awaited when the streams exist: after each connection, the first included, and when
        somebody had deleted what was there."""

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self._client.is_connected

    @property
    def is_prepared(self) -> bool:
        """Whether the streams have once been seen to exist."""
        return self._prepared.is_set()

    async def connect(self) -> None:
        """Connect and make the streams exist, however long that takes."""
        await self._client.connect(
            self._url.split(","),
            name=self._service,
            inbox_prefix=f"_INBOX_{self._service}",  # a user may be kept to its own answers
            tls=ssl.create_default_context(cafile=self._ca_file) if self._ca_file else None,
            connect_timeout=2,
            reconnect_time_wait=TRY_AGAIN_SECONDS,  # type: ignore[arg-type]  # it only sleeps
            max_reconnect_attempts=-1,
            ping_interval=5,
            reconnected_cb=self._reconnected,
            disconnected_cb=self._disconnected,
            error_cb=self._failed,
        )
        if not self._is_guest:
            self.prepare_again()
            await self._prepared.wait()

    async def _reconnected(self) -> None:
        log.info("connected to NATS again")
        if self._preparing:
            self._preparing.cancel()
            self._preparing = None
        self.prepare_again()

    async def _disconnected(self) -> None:
        if not self._closing:
            log.warning("not connected to NATS")

    async def _failed(self, error: Exception) -> None:
        log.warning("NATS reports a problem", extra={"error": repr(error)})

    def prepare_again(self) -> None:
        """Make streams and consumers exist soon: who asks has noticed that something is missing.

        It is dropped while the same is being done, so ask again as long as it is missing.
        """
        is_under_way = self._preparing is not None and not self._preparing.done()
        if not (self._is_guest or self._closing or is_under_way):
            self._preparing = asyncio.create_task(self._prepare())

    async def _prepare(self) -> None:
        """Until it has succeeded, and never more often than every TRY_AGAIN_SECONDS."""
        is_ready = False
        while not is_ready:
            is_ready = await self._try_to_prepare()
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _try_to_prepare(self) -> bool:
        try:
            await self.streams.ensure()
            for prepare in self.on_connected:
                await prepare()
        except Exception as error:  # noqa: BLE001 - whatever it is, without this nothing works
            log.warning("JetStream is not ready", extra={"error": repr(error)})
            return False
        self._prepared.set()
        return True

    @counts_published
    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Store a message in its stream; it is there when this returns.

        Raises Unavailable when that is not known: publish it again with the same message id.
        """
        if not self.is_connected:
            raise Unavailable("not connected to NATS")
        try:
            acknowledged = await self._stream.publish_async(
                subject, body, wait_stall=PUBLISH_SECONDS, headers=headers
            )
            async with asyncio.timeout(PUBLISH_SECONDS):  # `wait_for` may swallow a cancellation
                await acknowledged
        except NoStreamResponseError as error:
            self.prepare_again()
            raise Unavailable(f"no stream takes {subject}") from error
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable("NATS did not acknowledge") from error

    async def listen(self, receive: Callable[[Delivery | PullStatus], Awaitable[None]]) -> Inbox:
        """An inbox for messages that will be pulled."""
        address = self._client.new_inbox()

        async def on_message(message: Msg) -> None:
            await receive(_received(message))

        subscription = await self._client.subscribe(address, cb=on_message)

        async def close() -> None:
            with suppress(NatsError, TimeoutError):
                async with asyncio.timeout(BUS_SECONDS):
                    await subscription.drain()  # type: ignore[no-untyped-call]  # not annotated

        return Inbox(address, close)

    async def pull(self, durable: str, inbox: Inbox, request: Mapping[str, int]) -> None:
        """Ask for messages; what comes, and how the request ends, arrives in the inbox."""
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{durable}"
        with suppress(NatsError):
            await self._client.publish(subject, json.dumps(request).encode(), inbox.address)

    async def close(self) -> None:
        """Send what is still on its way out and leave."""
        self._closing = True
        if self._preparing:
            self._preparing.cancel()
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                if self._client.is_connected:
                    await self._client.flush(timeout=BUS_SECONDS)
                await self._client.close()


def _received(message: Msg) -> Delivery | PullStatus:
    headers = message.headers or {}
    if "Status" in headers:
        return PullStatus.of(headers)
    return Delivery(
        subject=original_subject(message.subject, headers),
        body=message.data,
        headers=headers,
        sequence=message.metadata.sequence.stream,
        position=message.metadata.sequence.consumer,
        attempt=message.metadata.num_delivered,
        answer=message,
    )
