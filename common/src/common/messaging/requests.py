"""Request-reply over core NATS, without a stream: answered now, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from common.errors import Unavailable
from common.messaging.connection import Connection
from common.messaging.delivery import Inbox
from common.messaging.nats_errors import nats_errors
from common.messaging.streams import STREAM
from common.shutdown import BUS_SECONDS

ANSWER_SECONDS = 1.0


class Requests:
    """Sends and serves requests over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, subject: str, body: bytes = b"") -> bytes:
        """The reply of a replica that serves the subject; raises Unavailable when none does."""
        client = self._connection.client
        if not self._connection.is_connected:
            raise Unavailable("not connected to NATS")
        with nats_errors(STREAM, lambda: self._connection.last_error):  # no word of JetStream
            try:
                answer = await client.request(subject, body, timeout=ANSWER_SECONDS)
            except NoRespondersError as error:
                raise Unavailable(f"nobody serves {subject}") from error
        return answer.data

    async def serve(
        self, subject: str, group: str, respond: Callable[[bytes], Awaitable[bytes | None]]
    ) -> Inbox:
        """Reply to requests, each at one member of a queue group; None is no reply."""
        client = self._connection.client

        async def on_message(message: Msg) -> None:
            if (answer := await respond(message.data)) is not None:
                with suppress(NatsError):
                    await message.respond(answer)

        subscription = await client.subscribe(subject, queue=group, cb=on_message)
        return inbox_of(client, subject, subscription)


def inbox_of(client: Client, address: str, subscription: Subscription) -> Inbox:
    """The inbox of a subscription."""

    async def close() -> None:
        with suppress(NatsError, TimeoutError):
            async with asyncio.timeout(BUS_SECONDS):
                await subscription.drain()  # type: ignore[no-untyped-call]  # not annotated

    return Inbox(address, close, lambda: not client.is_closed)
