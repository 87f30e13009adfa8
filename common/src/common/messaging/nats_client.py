"""The library's client of NATS, with workarounds for its defects."""

import asyncio
import json
from typing import Literal

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError
from typing_extensions import override

ANSWER_SECONDS = 5.0


class NatsClient(Client):
    """The library's, but its pings wait their turn: a pong means that all before has arrived."""

    @override
    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        await self._flush_pending(force_flush=True)
        await super()._send_ping(future)

    async def put_consumer(
        self, stream: str, config: ConsumerConfig, action: Literal["create", "update"]
    ) -> None:
        """Make a consumer, or change one that is there; raises APIError where it is otherwise.

        The library names no action, so it takes over what somebody made in the meantime, and makes
        again what somebody deleted.
        """
        wanted = {"stream_name": stream, "config": config.as_dict(), "action": action}
        address = f"$JS.API.CONSUMER.CREATE.{stream}.{config.name}"
        answer = await self.request(address, json.dumps(wanted).encode(), timeout=ANSWER_SECONDS)
        if error := json.loads(answer.data).get("error"):
            raise APIError.from_error(error)


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
