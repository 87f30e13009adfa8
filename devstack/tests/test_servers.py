"""Real servers that can be stopped, killed and started again."""

from pathlib import Path

from nats.aio.client import Client
from pymongo import MongoClient

from common.contracts.ids import new_id
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


async def test_nats_keeps_port_and_streams_after_a_crash(
    nats_server: NatsServer, nats_url: str
) -> None:
    client = Client()
    await client.connect(nats_url)
    await client.jetstream().add_stream(name="ticketing", subjects=["something"])
    await client.jetstream().publish("something", b"said")
    await client.close()
    nats_server.kill()
    nats_server.start()
    await client.connect(nats_url)
    [stream] = await client.jetstream().streams_info()
    await client.close()
    assert stream.state.messages == 1


async def test_each_test_begins_without_streams(nats_url: str) -> None:
    client = Client()
    await client.connect(nats_url)
    streams = await client.jetstream().streams_info()
    await client.close()
    assert streams == []


async def test_mongod_does_not_print_the_values_of_a_slow_query(mongod: MongoServer) -> None:
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
