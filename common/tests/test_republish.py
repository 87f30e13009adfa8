"""The state of everything is said once more, through outages and beside running traffic."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from common.messaging.streams import STREAM
from common.mongo import Database
from common.republish import PAGE, republish
from devstack.keeper import keeping
from devstack.servers import MongoServer, NatsServer
from devstack.tallies import SERVICE, Tallies, Tally, announcing
from devstack.testing import eventually

Stored = Callable[[str], Awaitable[list[RawStreamMsg]]]


async def begin(tallies: Tallies, count: int) -> list[Tally]:
    """So many tallies of which nothing was ever announced."""
    begun = [Tally.begin() for _ in range(count)]
    await asyncio.gather(*(tallies.add(tally) for tally in begun))
    await tallies.collection.update_many({}, {"$unset": {"outbox": "", "outboxSince": ""}})
    return begun


async def test_everything_is_said_once(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    begun = await begin(tallies, PAGE + 1)
    async with announcing(nats_url, database) as bus:
        assert await republish(tallies, bus, SERVICE) == PAGE + 1
    said = Counter(message.data for message in await stored(STREAM))
    assert said == Counter(tally.snapshot.to_json().encode() for tally in begun)


async def test_each_run_says_it_again_beside_the_events(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    tally = Tally.begin()
    async with announcing(nats_url, database) as bus:
        await tallies.add(tally)
        await asyncio.gather(*(republish(tallies, bus, SERVICE) for _ in range(2)))
    messages = await stored(STREAM)
    ids = {(message.headers or {})["Nats-Msg-Id"] for message in messages}
    said = Counter(message.data for message in messages)
    assert len(ids) == 3
    assert said == {tally.told().to_json().encode(): 1, tally.snapshot.to_json().encode(): 2}


@pytest.mark.parametrize("server", ["nats_server", "mongod", "stream"])
async def test_an_outage_is_waited_for(
    nats_url: str,
    nats_server: NatsServer,
    mongod: MongoServer,
    database: Database,
    tallies: Tallies,
    jetstream: JetStreamContext,
    stored: Stored,
    server: str,
) -> None:
    begun = await begin(tallies, PAGE + 1)
    async with announcing(nats_url, database) as bus:
        if server == "stream":
            await jetstream.delete_stream(STREAM)
            async with keeping(nats_url):
                count = await republish(tallies, bus, SERVICE)
        else:
            away = nats_server if server == "nats_server" else mongod
            away.kill()
            running = asyncio.create_task(republish(tallies, bus, SERVICE))
            await asyncio.sleep(0)
            away.start()
            count = await running
    assert count == len(begun)

    async def all_said() -> bool:
        return len({message.data for message in await stored(STREAM)}) == len(begun)

    await eventually(all_said)
