"""The one home of NATS: the connection, the streams, publishing and receiving."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import NotFoundError
from typing_extensions import override

from common.contracts.subjects import Subject
from common.errors import Unavailable
from common.messaging.delivery import Delivery, Inbox, PullStatus
from common.stopping import BUS_SECONDS

STREAM = "ticketing"
DEAD_LETTERS = "ticketing-dead-letters"
STREAMS = {STREAM: [subject.value for subject in Subject], DEAD_LETTERS: ["dead-letters.>"]}
WEEK_SECONDS = 7 * 24 * 3600

ACK_WAIT_SECONDS = 30
MAX_ACK_PENDING = 20_000
"""What all replicas of a service may hold, parked messages included (see `lanes`)."""
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

    Whatever needs an answer raises Unavailable when none comes.
    """

    def __init__(self, url: str, *, service: str, replicas: int) -> None:
        self._url, self._service, self._replicas = url, service, replicas
        self._client = _Connection()
        self._stream = self._client.jetstream()
        self._preparing: asyncio.Task[None] | None = None
        self._closing = False
        self.is_prepared = False
        self.on_connected: list[Callable[[], Awaitable[None]]] = []
        """Awaited after each connection, the first included, when the streams exist."""

    @property
    def is_connected(self) -> bool:
        """Whether a message could leave now."""
        return self._client.is_connected

    async def connect(self) -> None:
        """Connect and make the streams exist, however long that takes."""
        await self._client.connect(
            self._url.split(","),
            name=self._service,
            connect_timeout=2,
            reconnect_time_wait=TRY_AGAIN_SECONDS,  # type: ignore[arg-type]  # it only sleeps
            max_reconnect_attempts=-1,
            ping_interval=5,
            reconnected_cb=self._reconnected,
            disconnected_cb=self._disconnected,
            error_cb=self._failed,
        )
        await self._prepare()

    async def _reconnected(self) -> None:
        log.info("connected to NATS again")
        if self._preparing:
            self._preparing.cancel()
        self._preparing = asyncio.create_task(self._prepare())

    async def _disconnected(self) -> None:
        if not self._closing:
            log.warning("not connected to NATS")

    async def _failed(self, error: Exception) -> None:
        log.warning("NATS reports a problem", extra={"error": repr(error)})

    async def _prepare(self) -> None:
        while True:
            try:
                for name, subjects in STREAMS.items():
                    await self._ensure_stream(name, subjects)
                for prepare in self.on_connected:
                    await prepare()
            except (NatsError, OSError, TimeoutError) as error:
                log.warning("JetStream is not ready", extra={"error": repr(error)})
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                self.is_prepared = True
                return

    async def _ensure_stream(self, name: str, subjects: list[str]) -> None:
        """Add the stream, or add what it lacks; never take subjects away that others still use."""
        wanted = StreamConfig(
            name=name, subjects=subjects, num_replicas=self._replicas, max_age=WEEK_SECONDS
        )
        try:
            existing = (await self._stream.stream_info(name)).config
        except NotFoundError:
            await self._stream.add_stream(wanted)
            return
        known = set(existing.subjects or [])
        if not known.issuperset(subjects) or existing.num_replicas != self._replicas:
            wanted.subjects = sorted(known.union(subjects))
            await self._stream.update_stream(wanted)

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
            await asyncio.wait_for(acknowledged, PUBLISH_SECONDS)
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable("NATS did not acknowledge") from error

    async def ensure_consumer(self, durable: str, subjects: Iterable[str]) -> None:
        """Create or update the durable consumer that all replicas of a service share."""
        await self._stream.add_consumer(
            STREAM,
            ConsumerConfig(
                name=durable,
                durable_name=durable,
                filter_subjects=sorted(subjects),
                ack_wait=ACK_WAIT_SECONDS,
                max_ack_pending=MAX_ACK_PENDING,
                max_deliver=-1,
            ),
        )

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
        with suppress(NatsError):
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{durable}",
                json.dumps(request).encode(),
                reply=inbox.address,
            )

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
    if code := headers.get("Status"):
        unused = headers.get("Nats-Pending-Messages")
        return PullStatus(code, int(unused) if unused else None)
    return Delivery(
        subject=message.subject,
        body=message.data,
        headers=headers,
        sequence=message.metadata.sequence.stream,
        attempt=message.metadata.num_delivered,
        answer=message,
    )
