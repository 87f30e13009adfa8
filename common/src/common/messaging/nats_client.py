"""The library's client of NATS, mended where it would mislead us."""

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError
from typing_extensions import override


class NatsClient(Client):
    """The library's, but its pings wait their turn: a pong means that all before has arrived."""

    @override
    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        await self._flush_pending(force_flush=True)
        await super()._send_ping(future)


class JetStream(JetStreamContext):
    """The library's, but a refusal fails the message that it is about: it raises it apart."""

    @override
    async def _handle_async_reply(self, msg: Msg) -> None:
        try:
            await super()._handle_async_reply(msg)
        except APIError as error:
            waiting = self._publish_async_futures.get(msg.subject.rpartition(".")[2])
            if waiting and not waiting.done():
                waiting.set_exception(error)
