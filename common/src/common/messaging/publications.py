"""Publications to the stream: each is stored, refused, or not acknowledged."""

import asyncio
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from common import metrics
from common.errors import Refused, Unavailable
from common.messaging.connection import Connection
from common.messaging.failure_detector import FailureDetector
from common.messaging.nats_errors import NoResponse, no_response, refusal
from common.messaging.refusals import PayloadLimit, TooLarge, UnacknowledgedPublishes

PUBLISH_SECONDS = 5


class Publications:
    """Publishes over one connection; `on_no_stream` is called when no stream has the subject."""

    def __init__(self, connection: Connection, on_no_stream: Callable[[], None]) -> None:
        self._connection, self._on_no_stream = connection, on_no_stream
        self.limit, self._unacknowledged = PayloadLimit(connection), UnacknowledgedPublishes()
        self.storing = FailureDetector(failure=Unavailable)
        """Detects that nothing is stored any more."""
        connection.on_problem = self._unacknowledged.on_problem

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Store a message in its stream; it is stored when this returns.

        Raises Unavailable when that is not known: publish it again with the same message id; and
        Refused when the server refuses it permanently.
        """
        outcome = "unanswered"
        try:
            if not self._connection.is_connected:
                raise Unavailable("not connected to NATS")
            await self.limit.check(subject, body, headers)
            with self.storing.observe(), self._connection.publishing.observe():
                acknowledged = await self._publish(subject, body, headers)
            outcome = "duplicate" if acknowledged.duplicate else "stored"
        except Refused as error:
            outcome = "too_large" if isinstance(error, TooLarge) else "refused"
            raise
        finally:
            metrics.count_published(subject, outcome)

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> PubAck:
        try:
            acknowledgement = await self._connection.jetstream.publish_async(
                subject, body, wait_stall=PUBLISH_SECONDS, headers=headers
            )
            with self._unacknowledged.waits(subject, acknowledgement):
                async with asyncio.timeout(PUBLISH_SECONDS):  # `wait_for` may swallow cancellations
                    return await acknowledgement
        except NoStreamResponseError as error:
            self._on_no_stream()
            raise Refused(f"no stream takes {subject}") from error
        except APIError as error:
            raise refusal(error, f"NATS refuses {subject}") from error
        except (NatsError, OSError, TimeoutError) as error:
            raise NoResponse(no_response(error, self._connection.last_error)) from error
