"""Timers in the database."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import chain, permutations

import pytest
from pymongo import MongoClient

from common.contracts.ids import new_id
from common.mongo import Collection
from expiration.domain import TimerState
from expiration.repository import LEASE, RETENTION_SECONDS, TimerRepository

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OVERDUE = NOW - timedelta(seconds=1)
LATER = NOW + timedelta(milliseconds=1)
ARRIVALS = sorted(set(permutations(["schedule", "cancel"] * 2)))


async def state_of(stored: Collection, order_id: str) -> str:
    """Where a timer stands."""
    timer = await stored.find_one({"_id": order_id})
    assert timer
    return str(timer["state"])


async def test_timer_is_not_due_early(timers: TimerRepository) -> None:
    await timers.schedule("now", NOW)
    await timers.schedule("later", LATER)
    assert list(await timers.claim_due(NOW)) == ["now"]


async def test_the_longest_overdue_comes_first(timers: TimerRepository) -> None:
    for order_id, seconds in (("b", 2), ("c", 1), ("a", 3)):
        await timers.schedule(order_id, NOW - timedelta(seconds=seconds))
    assert list(await timers.claim_due(NOW)) == ["a", "b", "c"]


async def test_next_due_skips_claimed_timers(timers: TimerRepository) -> None:
    assert await timers.next_due(NOW) is None
    await timers.schedule("later", LATER)
    await timers.schedule("now", NOW)
    assert await timers.next_due(NOW) == NOW
    await timers.claim_due(NOW)
    assert await timers.next_due(NOW) == LATER
    assert await timers.next_due(NOW + 2 * LEASE) == NOW


async def test_scheduling_again_changes_nothing(timers: TimerRepository) -> None:
    await timers.schedule("order", LATER)
    await timers.schedule("order", OVERDUE)
    assert await timers.claim_due(NOW) == {}


async def test_fired_timer_never_fires_again(timers: TimerRepository) -> None:
    await timers.schedule("order", OVERDUE)
    await timers.mark_fired(await timers.claim_due(NOW))
    await timers.schedule("order", OVERDUE)
    assert await timers.claim_due(NOW + 2 * LEASE) == {}


async def test_cancelling_what_has_fired_changes_nothing(
    timers: TimerRepository, stored: Collection
) -> None:
    await timers.schedule("order", OVERDUE)
    await timers.mark_fired(await timers.claim_due(NOW))
    await timers.cancel("order")
    assert await state_of(stored, "order") == TimerState.FIRED


@pytest.mark.parametrize("arrival", ARRIVALS)
async def test_a_cancelled_timer_stays_cancelled(
    timers: TimerRepository, stored: Collection, arrival: tuple[str, ...]
) -> None:
    for word in arrival:
        await (timers.cancel("order") if word == "cancel" else timers.schedule("order", OVERDUE))
    assert await timers.claim_due(NOW) == {}
    assert await state_of(stored, "order") == TimerState.CANCELLED


async def test_a_cancellation_beside_its_order_is_not_lost(
    timers: TimerRepository, stored: Collection
) -> None:
    for order_id in (new_id() for _ in range(50)):
        await asyncio.gather(
            timers.schedule(order_id, OVERDUE),
            timers.cancel(order_id),
            timers.schedule(order_id, OVERDUE),
        )
        assert await state_of(stored, order_id) == TimerState.CANCELLED


async def test_replicas_claiming_at_once_share_the_work(timers: TimerRepository) -> None:
    order_ids = {new_id() for _ in range(200)}
    await asyncio.gather(*(timers.schedule(order_id, OVERDUE) for order_id in order_ids))
    claimed = await asyncio.gather(*(timers.claim_due(NOW) for _ in range(4)))
    assert sorted(chain.from_iterable(claimed)) == sorted(order_ids)


async def test_a_claim_ends_with_its_lease(timers: TimerRepository) -> None:
    await timers.schedule("order", OVERDUE)
    assert list(await timers.claim_due(NOW)) == ["order"]
    assert await timers.claim_due(NOW + LEASE) == {}
    assert list(await timers.claim_due(NOW + LEASE + timedelta(milliseconds=1))) == ["order"]


async def test_a_claimed_timer_can_still_be_cancelled(
    timers: TimerRepository, stored: Collection
) -> None:
    await timers.schedule("order", OVERDUE)
    claimed = await timers.claim_due(NOW)
    await timers.cancel("order")
    await timers.mark_fired(claimed)
    assert await state_of(stored, "order") == TimerState.CANCELLED


@pytest.mark.usefixtures("timers")
async def test_finished_timers_expire(mongo_uri: str) -> None:
    with MongoClient[dict[str, object]](mongo_uri) as client:
        indexes = client.get_default_database()["timers"].index_information().values()
    forgetting = [index for index in indexes if "expireAfterSeconds" in index]
    assert [(index["key"], index["expireAfterSeconds"]) for index in forgetting] == [
        ([("doneAt", 1)], RETENTION_SECONDS)
    ]


async def test_only_what_is_done_can_be_forgotten(
    timers: TimerRepository, stored: Collection
) -> None:
    for order_id in ("scheduled", "cancelled", "fired"):
        await timers.schedule(order_id, OVERDUE)
    await timers.cancel("cancelled")
    await timers.mark_fired(["fired"])
    done = await stored.find({"doneAt": {"$type": "date"}}, sort=[("_id", 1)], limit=9)
    assert [timer["_id"] for timer in done] == ["cancelled", "fired"]


async def test_rescheduled_timer_is_due_again(timers: TimerRepository) -> None:
    await timers.schedule("order", OVERDUE)
    await timers.mark_fired(await timers.claim_due(NOW))
    for repeats in (1, 2):
        await timers.reschedule("order", OVERDUE)
        await timers.reschedule("order", OVERDUE)
        assert (await timers.claim_due(NOW))["order"].repeats == repeats
        await timers.mark_fired(["order"])


async def test_scheduling_again_sets_what_is_not_set(timers: TimerRepository) -> None:
    await timers.reschedule("new", OVERDUE)
    await timers.schedule("known", LATER)
    await timers.reschedule("known", OVERDUE)
    await timers.cancel("cancelled")
    await timers.reschedule("cancelled", OVERDUE)
    assert sorted(await timers.claim_due(NOW)) == ["cancelled", "new"]
