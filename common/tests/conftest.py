"""A database with a collection of aggregates, and a look into the streams."""

from collections.abc import AsyncIterator, Awaitable, Callable

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from common.mongo import Database
from devstack.tallies import Tallies
from devstack.testing import eventually


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[Database]:
    """An empty database."""
    database = Database(mongo_uri)
    yield database
    database.close()


@pytest.fixture
async def tallies(database: Database) -> Tallies:
    """An empty collection of aggregates."""
    tallies = Tallies(database)
    await tallies.prepare()
    return tallies


@pytest.fixture
async def nats_client(nats_url: str) -> AsyncIterator[Client]:
    """A connection beside those of the code under test, which heals by itself."""
    client = await nats.connect(nats_url, max_reconnect_attempts=-1, reconnect_time_wait=1)
    yield client
    await client.close()


@pytest.fixture
def jetstream(nats_client: Client) -> JetStreamContext:
    """The server's own view of streams and consumers."""
    return nats_client.jetstream()


@pytest.fixture
def stored(
    nats_client: Client, jetstream: JetStreamContext
) -> Callable[[str], Awaitable[list[RawStreamMsg]]]:
    """All messages of a stream, in its order."""

    async def read(stream: str) -> list[RawStreamMsg]:
        await eventually(connected)
        last = (await jetstream.stream_info(stream)).state.last_seq
        return [await jetstream.get_msg(stream, number) for number in range(1, last + 1)]

    async def connected() -> bool:
        return nats_client.is_connected

    return read
