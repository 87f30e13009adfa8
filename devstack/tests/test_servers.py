"""Real servers that can be stopped, killed and started again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from pymongo import MongoClient

from common.contracts.ids import new_id
from common.contracts.subjects import Subject
from common.messaging.streams import DEAD_LETTERS, STREAM
from devstack.bus_topology import TEST_SUBSCRIPTIONS
from devstack.quick import Processes
from devstack.servers import MongoServer, NatsServer
from devstack.testing import eventually


def test_mongod_keeps_port_and_data_after_a_crash(mongod: MongoServer, mongo_uri: str) -> None:
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.get_default_database().things.insert_one({"_id": 1})
        mongod.kill()
        mongod.start()
        assert client.get_default_database().things.find_one() == {"_id": 1}


def test_mongod_finds_its_data_at_another_port(processes: Processes, tmp_path: Path) -> None:
    for expected in (1, 2):
        with (
            processes.running(MongoServer(tmp_path / "files", tmp_path / "log")) as server,
            MongoClient[dict[str, object]](server.uri("shop")) as client,
        ):
            client.shop.things.insert_one({})
            assert client.shop.things.count_documents({}) == expected


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[JetStreamContext]:
    """A client of the streams, for as long as the block."""
    client = Client()
    await client.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def test_nats_keeps_port_and_streams_after_a_crash(
    nats_server: NatsServer, nats_url: str
) -> None:
    async with connected(nats_url) as jetstream:
        await jetstream.publish(Subject.TICKET_CREATED, b"said")
    nats_server.kill()
    nats_server.start()
    async with connected(nats_url) as jetstream:
        assert (await jetstream.stream_info(STREAM)).state.messages == 1


@pytest.mark.parametrize("said", [b"by one test", b"by the next"])
async def test_each_test_begins_with_empty_streams(nats_url: str, said: bytes) -> None:
    async with connected(nats_url) as jetstream:
        streams = await jetstream.streams_info()
        consumers = await jetstream.consumers_info(STREAM)
        await jetstream.publish(Subject.TICKET_CREATED, said)
    assert {stream.config.name: stream.state.last_seq for stream in streams} == {
        STREAM: 0,
        DEAD_LETTERS: 0,
    }
    assert {consumer.name for consumer in consumers} == set(TEST_SUBSCRIPTIONS)


async def test_mongod_logs_no_slow_query_values(mongod: MongoServer) -> None:
    mine = new_id()
    slowly = {"email": mine, "$where": "sleep(200) || true"}

    async def printed() -> bool:
        return mine in mongod.program.log.read_text()

    with MongoClient[dict[str, object]](mongod.uri("slow_queries")) as client:
        users = client.get_default_database()["users"]
        users.insert_one({"email": mine})
        users.find_one(slowly)
        assert not await printed()
        client.admin.command("profile", 0, sampleRate=1.0)
        try:
            users.find_one(slowly)
        finally:
            client.admin.command("profile", 0, sampleRate=0.0)
    await eventually(printed)
