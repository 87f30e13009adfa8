"""Publications to the stream, each with its answer: stored, refused, or none."""

import asyncio
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from common import metrics
from common.errors import Refused, Unavailable
from common.messaging.connection import Connection
from common.messaging.nats_errors import is_of_the_server, silence, words_of
from common.messaging.refusals import PayloadLimit, TooLarge, Unanswered

PUBLISH_SECONDS = 5


class Publications:
    """What is published over one connection; `on_no_stream` is called when no stream takes it."""

    def __init__(self, connection: Connection, on_no_stream: Callable[[], None]) -> None:
        self._connection, self._on_no_stream = connection, on_no_stream
        self.limit, self._unanswered = PayloadLimit(connection), Unanswered()
        connection.on_problem = self._unanswered.heed

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Store a message in its stream; it is there when this returns.

        Raises Unavailable when that is not known: publish it again with the same message id; and
        Refused when the server has said no, and would again.
        """
        outcome = "unanswered"
        try:
            acknowledged = await self._publish(subject, body, headers)
            outcome = "duplicate" if acknowledged.duplicate else "stored"
        except Refused as error:
            outcome = "too_large" if isinstance(error, TooLarge) else "refused"
            raise
        finally:
            metrics.count_published(subject, outcome)

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> PubAck:
        if not self._connection.is_connected:
            raise Unavailable("not connected to NATS")
        await self.limit.admit(subject, body, headers)
        try:
            acknowledgement = await self._connection.jetstream.publish_async(
                subject, body, wait_stall=PUBLISH_SECONDS, headers=headers
            )
            with self._unanswered.waits(subject, acknowledgement):
                async with asyncio.timeout(PUBLISH_SECONDS):  # `wait_for` may swallow cancellations
                    return await acknowledgement
        except NoStreamResponseError as error:
            self._on_no_stream()
            raise Refused(f"no stream takes {subject}") from error
        except APIError as error:
            kind = Unavailable if is_of_the_server(error) else Refused
            raise kind(f"NATS refuses {subject}: {words_of(error)}") from error
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable(silence(error, self._connection.last_error)) from error
