"""Consumers that live only as long as one replica listens, for what each replica has to hear."""

import random
import zlib
from collections.abc import Iterable

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from common.errors import Unavailable
from common.messaging.connection import Connection
from common.messaging.delivery import HEARTBEAT_SECONDS
from common.messaging.streams import STREAM

GONE_SECONDS = 5.0
"""When a consumer that nobody listens to any more is forgotten."""

LIVE_CONSUMERS = 16
"""How many replicas of a service may follow the stream.

The consumers have names from a list because NATS can permit whole names only, and who may make
consumers of any name may take over those of others.
"""

CONSUMER_EXISTS = 10148  # https://github.com/nats-io/nats-server/blob/main/server/errors.json


def live_names(service: str) -> list[str]:
    """What the consumers of those who follow the stream are called."""
    return [f"{service}-live-{number}" for number in range(LIVE_CONSUMERS)]


class LiveConsumers:
    """Follows the stream for one replica of a service; raises Unavailable when NATS is silent."""

    def __init__(self, connection: Connection, service: str) -> None:
        self._connection, self._names = connection, live_names(service)

    async def extent(self) -> tuple[str, int, int]:
        """Which stream it is (another one if it was made anew), its first and last numbers."""
        with self._connection.errors(STREAM):
            stream = await self._connection.jetstream.stream_info(STREAM)
        made = f"{zlib.crc32(str(stream.created).encode()):08x}"
        return made, stream.state.first_seq, stream.state.last_seq

    async def follow(self, inbox: str, subjects: Iterable[str], first: int) -> None:
        """Deliver to an inbox all that there is from a number on and comes, until nobody listens.

        Nothing is to be acknowledged; heartbeats show that it goes on. Raises Unavailable when so
        many replicas follow already that no name is left.
        """
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            filter_subjects=sorted(subjects),
            ack_policy=AckPolicy.NONE,
            idle_heartbeat=HEARTBEAT_SECONDS,
            inactive_threshold=GONE_SECONDS,
            num_replicas=1,
        )
        for name in random.sample(self._names, len(self._names)):
            if await self._create(config.evolve(name=name)):
                return
        raise Unavailable(f"{len(self._names)} replicas follow the stream already")

    async def _create(self, config: ConsumerConfig) -> bool:
        """Whether the name was free."""
        with self._connection.errors(STREAM):
            try:
                await self._connection.client.put_consumer(STREAM, config, "create")
            except APIError as error:
                if error.err_code != CONSUMER_EXISTS:
                    raise
                return False
        return True
