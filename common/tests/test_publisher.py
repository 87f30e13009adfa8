"""Each event is published once, however often its document is written and handed over."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from common.mongo import Database
from devstack.counter_service import Tallies, Tally, publishing
from devstack.testing import eventually

VERSIONS = 6


@pytest.fixture
async def published(nats_client: Client) -> AsyncIterator[Counter[str]]:
    """How often each message was sent to the stream, copies that it drops included."""
    seen = Counter[str]()

    async def count(message: Msg) -> None:
        seen[(message.headers or {})["Nats-Msg-Id"]] += 1

    subscription = await nats_client.subscribe("ticket:updated", cb=count)
    await nats_client.flush()
    yield seen
    await subscription.unsubscribe()


async def cleared(tallies: Tallies) -> None:
    """Wait until no outbox has anything left."""

    async def empty() -> bool:
        return await tallies.collection.find_one({"outboxSince": {"$exists": True}}) is None

    await eventually(empty, "empty outboxes")


def once(tallies: list[Tally]) -> Counter[str]:
    """Every version of each, one time."""
    return Counter(f"ticket:updated:{each.id}:{v}" for each in tallies for v in range(VERSIONS))


async def grow(tallies: Tallies, tally: Tally) -> None:
    """All versions, each as soon as the one before is stored."""
    await tallies.add(tally)
    for _ in range(VERSIONS - 1):
        await tallies.update(tally.id, Tally.count)


async def test_each_event_is_published_once(
    nats_url: str,
    nats_client: Client,
    database: Database,
    tallies: Tallies,
    published: Counter[str],
) -> None:
    begun = [Tally.new() for _ in range(20)]
    async with publishing(nats_url, database):
        await asyncio.gather(*(grow(tallies, tally) for tally in begun))
        await cleared(tallies)
    await nats_client.flush()
    assert published == once(begun)


async def test_acknowledged_entries_are_cleared_and_not_sent_again(
    nats_url: str,
    nats_client: Client,
    database: Database,
    tallies: Tallies,
    published: Counter[str],
) -> None:
    tally = Tally.new()
    await grow(tallies, tally)  # nobody publishes yet
    written = await tallies.collection.find_one({"_id": tally.id})
    assert written
    async with publishing(nats_url, database):
        await cleared(tallies)
        not_cleared = {key: written[key] for key in ("outbox", "outboxSince")}
        await tallies.collection.update({"_id": tally.id}, {"$set": not_cleared})
        await cleared(tallies)
    await nats_client.flush()
    assert published == once([tally])
