"""The state of everything is said once more, through outages and beside running traffic."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from typing_extensions import override

from common.contracts.events import TicketUpdated
from common.contracts.requests import RepublishRun
from common.messaging.bus import Bus
from common.messaging.streams import STREAM
from common.mongo import Database
from common.republish import BATCH_SIZE, Republisher
from common.republish_command import republish
from common.republish_runs import Runs
from devstack.bus_topology import keep_topology
from devstack.counter_service import SERVICE, Tallies, Tally, publishing
from devstack.servers import MongoServer, NatsServer
from devstack.testing import eventually

Stored = Callable[[str], Awaitable[list[RawStreamMsg]]]


async def begin(tallies: Tallies, count: int) -> list[Tally]:
    """So many tallies of which nothing was ever announced."""
    begun = [Tally.new() for _ in range(count)]
    await asyncio.gather(*(tallies.add(tally) for tally in begun))
    await tallies.collection.update_many({}, {"$unset": {"outbox": "", "outboxSince": ""}})
    return begun


@pytest.fixture
def runs(database: Database) -> Runs:
    """None was ever asked for."""
    return Runs(database)


def replica(tallies: Tallies, bus: Bus, runs: Runs) -> Republisher:
    """One of those that may say it."""
    return Republisher(tallies, bus, SERVICE, runs)


async def test_everything_is_said_once(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored, runs: Runs
) -> None:
    begun = await begin(tallies, BATCH_SIZE + 1)
    async with publishing(nats_url, database) as bus:
        await republish(replica(tallies, bus, runs), runs)
    said = Counter(message.data for message in await stored(STREAM))
    assert said == Counter(tally.snapshot.to_json().encode() for tally in begun)


async def test_each_run_says_it_again_beside_the_events(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored, runs: Runs
) -> None:
    tally = Tally.new()
    async with publishing(nats_url, database) as bus:
        await tallies.add(tally)
        for _ in range(2):
            await republish(replica(tallies, bus, runs), runs)
    messages = await stored(STREAM)
    ids = {(message.headers or {})["Nats-Msg-Id"] for message in messages}
    said = Counter(message.data for message in messages)
    assert len(ids) == 3
    assert said == {tally.to_event().to_json().encode(): 1, tally.snapshot.to_json().encode(): 2}


async def test_who_asks_before_a_run_begins_shares_it(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored, runs: Runs
) -> None:
    await begin(tallies, 3)
    asked = [await runs.state_of(RepublishRun()) for _ in range(3)]
    assert {run.number for run in asked} == {1}
    async with publishing(nats_url, database) as bus:
        assert await replica(tallies, bus, runs).work()
        assert not await replica(tallies, bus, runs).work()
    assert [(await runs.state_of(run)).done for run in asked] == [True] * 3
    assert len(await stored(STREAM)) == 3


async def test_a_request_during_a_run_gets_the_next_one(runs: Runs) -> None:
    first = await runs.state_of(RepublishRun())
    under_way = await runs.claim()
    assert under_way
    second, third = [await runs.state_of(RepublishRun()) for _ in range(2)]
    assert (first.number, second.number, third.number) == (1, 2, 2)
    assert await runs.claim() is None
    await runs.finish(under_way)
    assert (await runs.state_of(first)).done
    assert not (await runs.state_of(second)).done
    following = await runs.claim()
    assert following
    assert (following.number, following.cursor) == (2, "")
    assert following.key != under_way.key


async def test_a_forgotten_run_is_requested_again(runs: Runs) -> None:
    assert await runs.state_of(RepublishRun(number=7)) == RepublishRun(number=1)


class Interrupted(Tallies):
    """Is cut off after the first page."""

    @override
    async def list_after(self, identity: str, limit: int) -> list[Tally]:
        """The first page, and then nothing ever."""
        if identity:
            await asyncio.Event().wait()
        return await super().list_after(identity, limit)


async def test_a_run_goes_on_where_it_was_left(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored, runs: Runs
) -> None:
    await begin(tallies, BATCH_SIZE + 5)
    await runs.state_of(RepublishRun())

    async def first_page_is_said() -> bool:
        return len(await stored(STREAM)) == BATCH_SIZE

    async with publishing(nats_url, database) as bus:
        interrupted = asyncio.create_task(replica(Interrupted(database), bus, runs).work())
        await eventually(first_page_is_said)

        async def is_noted() -> bool:
            return bool(await database.collection("republish").find_one({"cursor": {"$ne": ""}}))

        await eventually(is_noted)
        interrupted.cancel()
        with suppress(asyncio.CancelledError):
            await interrupted
        assert await replica(tallies, bus, runs).work()
    assert len(await stored(STREAM)) == BATCH_SIZE + 5


async def test_a_crashed_run_is_taken_over_after_its_lease(runs: Runs) -> None:
    await runs.state_of(RepublishRun())
    crashed = await runs.claim()
    assert crashed
    assert await runs.claim() is None
    await runs.release(crashed)  # as if its time were over
    heir = await runs.claim()
    assert heir
    assert (heir.number, heir.key) == (crashed.number, crashed.key)
    assert not await runs.advance(crashed)
    await runs.finish(crashed)
    assert not (await runs.state_of(RepublishRun(number=1))).done


async def test_too_large_a_snapshot_blocks_no_other(
    nats_url: str,
    database: Database,
    tallies: Tallies,
    stored: Stored,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    too_large, *others = sorted((await begin(tallies, 3)), key=lambda tally: tally.id)
    said = Tally.to_event

    def told(tally: Tally) -> TicketUpdated:
        title = "x" * 2**20 if tally.id == too_large.id else "Tally"
        return said(tally).model_copy(update={"title": title})

    monkeypatch.setattr(Tally, "to_event", told)
    async with publishing(nats_url, database) as bus:
        await republish(replica(tallies, bus, runs), runs)
    subjects = {(message.headers or {})["ce-subject"] for message in await stored(STREAM)}
    assert subjects == {tally.id for tally in others}


@pytest.mark.parametrize("server", ["nats_server", "mongod", "stream"])
async def test_an_outage_is_waited_for(
    nats_url: str,
    nats_server: NatsServer,
    mongod: MongoServer,
    database: Database,
    tallies: Tallies,
    jetstream: JetStreamContext,
    stored: Stored,
    runs: Runs,
    server: str,
) -> None:
    begun = await begin(tallies, BATCH_SIZE + 1)
    async with publishing(nats_url, database) as bus:
        saying = republish(replica(tallies, bus, runs), runs)
        if server == "stream":
            await jetstream.delete_stream(STREAM)
            async with keep_topology(nats_url):
                await saying
        else:
            away = nats_server if server == "nats_server" else mongod
            away.kill()
            running = asyncio.create_task(saying)
            await asyncio.sleep(0)
            away.start()
            await running

    async def all_said() -> bool:
        return len({message.data for message in await stored(STREAM)}) == len(begun)

    await eventually(all_said)
