"""What was written is announced: at once, after a crash, and after an outage of the bus."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from common import tracing
from common.messaging import backlog, runtime
from common.messaging.backlog import BATCH_SIZE, MAX_ENTRIES
from common.messaging.streams import STREAM
from common.mongo import Database
from devstack.counter_service import Tallies, Tally, publishing
from devstack.servers import NatsServer
from devstack.testing import TIMEOUT_SECONDS, eventually

Stored = Callable[[str], Awaitable[list[RawStreamMsg]]]

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def drained(tallies: Tallies) -> None:
    """Wait until everything was announced and nothing is left in an outbox."""

    async def empty() -> bool:
        return await tallies.collection.find_one({"outboxSince": {"$exists": True}}) is None

    await eventually(empty, "empty outboxes")
    assert await tallies.collection.find_one({"outbox.0": {"$exists": True}}) is None


async def begin(tallies: Tallies, count: int) -> list[Tally]:
    """So many new tallies, sorted by their ids."""
    begun = sorted((Tally.new() for _ in range(count)), key=lambda tally: tally.id)
    await asyncio.gather(*(tallies.add(tally) for tally in begun))
    return begun


async def count_twice(tallies: Tallies, begun: list[Tally]) -> None:
    """Two changes of each tally, all tallies side by side."""
    for _ in range(2):
        await asyncio.gather(*(tallies.update(tally.id, Tally.count) for tally in begun))


def message_ids(begun: list[Tally], versions: int) -> list[str]:
    """The message ids of the first versions of each tally."""
    return [f"ticket:updated:{tally.id}:{each}" for tally in begun for each in range(versions)]


def ids_by_aggregate(stream: list[RawStreamMsg]) -> list[str]:
    """The message ids in a stream: aggregate by aggregate, each in the order of the stream."""
    ids = [message.headers["Nats-Msg-Id"] for message in stream if message.headers]
    return sorted(ids, key=lambda one: one.rpartition(":")[0])


async def test_an_event_is_announced_with_all_headers(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    tracing.current_traceparent.set(f"00-{TRACE}-b7ad6b7169203331-01")
    tally = Tally.new()
    async with publishing(nats_url, database):
        await tallies.add(tally)
        await drained(tallies)
    [message] = await stored(STREAM)
    assert message.subject == "ticket:updated"
    assert message.data == tally.to_event().to_json().encode()
    headers = dict(message.headers or {})
    moment, trace = headers.pop("ce-time"), headers.pop("traceparent")
    assert headers == {
        "Nats-Msg-Id": f"ticket:updated:{tally.id}:0",
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": f"ticket:updated:{tally.id}:0",
        "ce-source": "/tallies",
        "ce-type": "ticket:updated",
        "ce-subject": tally.id,
        "ce-schemaversion": "1",
    }
    assert abs(datetime.fromisoformat(moment) - datetime.now(UTC)) < timedelta(seconds=5)
    assert trace == f"00-{TRACE}-b7ad6b7169203331-01"


async def test_an_event_does_not_wait_for_a_sweep(
    nats_url: str, database: Database, tallies: Tallies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "SWEEP_AFTER", timedelta(hours=1))
    async with publishing(nats_url, database):
        await tallies.add(Tally.new())
        await drained(tallies)


async def test_a_crash_after_the_write_loses_nothing(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    begun = await begin(tallies, 2)  # nobody announces yet
    await count_twice(tallies, begun)
    async with publishing(nats_url, database):
        await drained(tallies)
    assert ids_by_aggregate(await stored(STREAM)) == message_ids(begun, 3)


async def test_a_crash_after_the_publish_repeats_nothing(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    [tally] = await begin(tallies, 1)  # nobody announces yet, and nobody clears
    written = await tallies.collection.find_one({"_id": tally.id})
    assert written
    not_cleared = {key: written[key] for key in ("outbox", "outboxSince")}
    async with publishing(nats_url, database):
        await drained(tallies)
        await tallies.collection.update({"_id": tally.id}, {"$set": not_cleared})
        await drained(tallies)
    assert ids_by_aggregate(await stored(STREAM)) == message_ids([tally], 1)


async def test_two_replicas_announce_each_event_once(
    nats_url: str, mongo_uri: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    other = Database(mongo_uri)
    async with publishing(nats_url, database), publishing(nats_url, other):
        begun = await begin(tallies, 10)
        await asyncio.gather(count_twice(tallies, begun), count_twice(Tallies(other), begun))
        await drained(tallies)
    other.close()
    assert ids_by_aggregate(await stored(STREAM)) == message_ids(begun, 5)


async def test_a_time_of_a_wrong_clock_blocks_no_event(
    nats_url: str, database: Database, tallies: Tallies
) -> None:
    [tally] = await begin(tallies, 1)  # nobody announces yet
    later = {"outboxSince": datetime.now(UTC) + timedelta(hours=1)}
    await tallies.collection.update({"_id": tally.id}, {"$set": later})
    async with publishing(nats_url, database):
        await drained(tallies)


async def test_a_large_outbox_does_not_block_others(
    nats_url: str,
    database: Database,
    tallies: Tallies,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "BATCH_SIZE", 1)
    [busy] = await begin(tallies, 1)  # nobody announces yet
    for _ in range(5 * MAX_ENTRIES):
        await tallies.update(busy.id, Tally.count)
    others = await begin(tallies, 3)
    async with publishing(nats_url, database):
        await drained(tallies)
    told = [(message.headers or {})["Nats-Msg-Id"] for message in await stored(STREAM)]
    last = told.index(f"ticket:updated:{busy.id}:{5 * MAX_ENTRIES}")
    assert all(told.index(f"ticket:updated:{each.id}:0") < last for each in others)
    assert [one for one in told if busy.id in one] == message_ids([busy], 5 * MAX_ENTRIES + 1)


async def test_stopping_announces_what_was_written(
    nats_url: str,
    database: Database,
    tallies: Tallies,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "OUTBOX_SECONDS", TIMEOUT_SECONDS)
    async with publishing(nats_url, database):
        begun = await begin(tallies, 20)
    assert await tallies.collection.find_one({"outboxSince": {"$exists": True}}) is None
    assert ids_by_aggregate(await stored(STREAM)) == message_ids(begun, 1)


async def test_a_backlog_of_several_pages_drains(
    nats_url: str, database: Database, tallies: Tallies, stored: Stored
) -> None:
    begun = await begin(tallies, BATCH_SIZE + 100)
    async with publishing(nats_url, database):
        await drained(tallies)
    assert ids_by_aggregate(await stored(STREAM)) == message_ids(begun, 1)


async def test_writes_during_an_outage_are_announced_later(
    nats_url: str,
    nats_server: NatsServer,
    database: Database,
    tallies: Tallies,
    stored: Stored,
) -> None:
    async with publishing(nats_url, database):
        nats_server.stop()
        begun = await begin(tallies, 10)
        await count_twice(tallies, begun)
        nats_server.start()
        await drained(tallies)
    assert ids_by_aggregate(await stored(STREAM)) == message_ids(begun, 3)


async def test_a_crash_of_the_bus_loses_nothing(
    nats_url: str,
    nats_server: NatsServer,
    database: Database,
    tallies: Tallies,
    jetstream: JetStreamContext,
    stored: Stored,
) -> None:
    crashed = asyncio.Event()

    async def count_until_then(tally: Tally) -> list[str]:
        counted = tally
        while not crashed.is_set():
            counted = await tallies.update(tally.id, Tally.count) or tally
        return message_ids([tally], counted.version + 1)

    async def under_way() -> bool:
        return (await jetstream.stream_info(STREAM)).state.messages > 310

    async def something_waits() -> bool:
        return await tallies.collection.find_one({"outboxSince": {"$exists": True}}) is not None

    async with publishing(nats_url, database):
        counting = asyncio.gather(*map(count_until_then, await begin(tallies, 100)))
        await eventually(under_way)
        nats_server.kill()
        await eventually(something_waits)
        crashed.set()
        nats_server.spawn()
        expected = await counting
        await drained(tallies)
    assert ids_by_aggregate(await stored(STREAM)) == [each for ids in expected for each in ids]


async def test_writing_does_not_wait_for_the_bus(
    nats_url: str, nats_server: NatsServer, database: Database, tallies: Tallies
) -> None:
    async with publishing(nats_url, database):
        nats_server.stop()
        await tallies.add(Tally.new())
        nats_server.start()
