"""Aggregates in MongoDB: guarded by a version, and never changed without their event."""

import asyncio

import pytest
from pymongo import MongoClient

from common.aggregate_store import MAX_PENDING, entry_from_document
from common.contracts.ids import new_id
from common.errors import Busy, Conflict, Refused
from common.mongo import Document, DuplicateKey, Update
from devstack.counter_service import Tallies, Tally


async def document_of(tallies: Tallies, tally: Tally) -> Document:
    """What is stored, outbox included."""
    document = await tallies.collection.find_one({"_id": tally.id})
    assert document is not None
    return document


async def versions_announced(tallies: Tallies, tally: Tally) -> list[int]:
    """The versions that wait in the outbox, in its order."""
    return [each["version"] for each in (await document_of(tallies, tally))["outbox"]]


async def test_what_was_added_is_found(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    assert await tallies.get(tally.id) == tally
    assert await tallies.find({}, sort=[("_id", 1)], limit=10) == [tally]


async def test_what_nobody_added_is_unknown(tallies: Tallies) -> None:
    assert await tallies.get(new_id()) is None
    assert await tallies.update(new_id(), Tally.count) is None
    assert await tallies.find({}, sort=[("_id", 1)], limit=10) == []


async def test_a_new_aggregate_carries_its_event(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    document = await document_of(tallies, tally)
    [entry] = document["outbox"]
    waiting = entry_from_document(entry)
    assert document["version"] == 0
    assert (waiting.version, waiting.subject) == (0, "ticket:updated")
    assert (waiting.aggregate_id, waiting.body) == (tally.id, tally.to_event().to_json())
    assert waiting.message_id == f"ticket:updated:{tally.id}:0"
    assert document["outboxSince"]


async def test_a_change_carries_its_event(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    since = (await document_of(tallies, tally))["outboxSince"]
    counted = await tallies.update(tally.id, Tally.count)
    document = await document_of(tallies, tally)
    assert counted == tally.count() == await tallies.get(tally.id)
    assert document["version"] == 1
    assert [each["version"] for each in document["outbox"]] == [0, 1]
    assert document["outboxSince"] == since


async def test_a_silent_change_announces_nothing(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    await tallies.update(tally.id, Tally.count_without_event)
    assert (await document_of(tallies, tally))["version"] == 1
    assert await versions_announced(tallies, tally) == [0]


async def test_deciding_for_no_change_writes_nothing(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    before = await document_of(tallies, tally)
    assert await tallies.update(tally.id, lambda current: current) == tally
    assert await document_of(tallies, tally) == before


async def test_a_refusal_writes_nothing(tallies: Tallies) -> None:
    def refuse(_: Tally) -> Tally:
        raise Conflict("no")

    tally = Tally.new()
    await tallies.add(tally)
    before = await document_of(tallies, tally)
    with pytest.raises(Conflict):
        await tallies.update(tally.id, refuse)
    assert await document_of(tallies, tally) == before


async def test_the_outbox_of_a_document_is_bounded(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    entry = (await document_of(tallies, tally))["outbox"][0]
    full = {"$set": {"outbox": [entry] * MAX_PENDING}}
    await tallies.collection.update({"_id": tally.id}, full)
    with pytest.raises(Busy, match=f"{MAX_PENDING} events of tallies {tally.id}"):
        await tallies.update(tally.id, Tally.count)
    assert (await document_of(tallies, tally))["version"] == 0
    await tallies.update(tally.id, Tally.count_without_event)
    assert (await document_of(tallies, tally))["version"] == 1


async def test_too_large_a_document_is_no_defect(tallies: Tallies) -> None:
    half: Document = {"_id": new_id(), "ballast": "x" * 9_000_000}
    await tallies.collection.insert(half)
    other_half = Update({"_id": half["_id"]}, {"$set": {"more": half["ballast"]}})
    with pytest.raises(Refused, match="10334"):
        await tallies.collection.update_batched(other_half)
    with pytest.raises(Refused, match="10334"):
        await tallies.collection.update(other_half.where, other_half.change)


async def test_an_identity_is_added_once(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    with pytest.raises(DuplicateKey):
        await tallies.add(tally)
    assert await versions_announced(tallies, tally) == [0]


async def test_a_lost_race_is_decided_anew(tallies: Tallies, mongo_uri: str) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    seen: list[int] = []

    def decide(current: Tally) -> Tally:
        if not seen:  # somebody else is first, between this reading and this writing
            with MongoClient[Document](mongo_uri) as elsewhere:
                elsewhere.get_default_database()["tallies"].update_one({}, {"$inc": {"version": 1}})
        seen.append(current.version)
        return current.count()

    assert await tallies.update(tally.id, decide) == Tally(tally.id, version=2)
    assert seen == [0, 1]
    assert await versions_announced(tallies, tally) == [0, 2]


async def test_two_changes_at_once_both_count(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    changed = await asyncio.gather(*(tallies.update(tally.id, Tally.count) for _ in range(2)))
    assert {each.version for each in changed if each} == {1, 2}


async def test_thirty_changes_at_once_leave_no_hole(tallies: Tallies) -> None:
    tally = Tally.new()
    await tallies.add(tally)
    changed = await asyncio.gather(*(tallies.update(tally.id, Tally.count) for _ in range(30)))
    assert sorted(each.version for each in changed if each) == list(range(1, 31))
    assert await versions_announced(tallies, tally) == list(range(31))
