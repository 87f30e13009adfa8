"""Waking up on time, whatever happens."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

from common.contracts.events import (
    ExpirationComplete,
    OrderAwaitingPayment,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderEvent,
)
from common.contracts.ids import new_id
from common.messaging.bus import Bus
from common.mongo import Collection
from devstack.order_history import OrderHistory
from devstack.servers import NatsServer
from devstack.testing import BusPeer, eventually, running
from expiration import repository, timer
from expiration.repository import LEASE, TimerRepository
from expiration.timer import fire_due


def order_due_in(seconds: float) -> OrderHistory:
    """An order whose time to pay is over so many seconds from now."""
    return OrderHistory("buyer", datetime.now(UTC) + timedelta(seconds=seconds))


async def expired(peer: BusPeer, count: int = 1) -> list[str]:
    """Wait for so many expirations; whose they were."""
    return [event.order_id for event in await peer.wait_for(ExpirationComplete, count)]


@pytest.mark.usefixtures("service")
async def test_a_timer_fires_at_its_time_not_before(peer: BusPeer) -> None:
    order = order_due_in(0.7)
    await peer.publish(order.event(OrderCreated, 0))
    assert await expired(peer) == [order.id]
    late = datetime.now(UTC) - order.expires_at
    assert timedelta(0) <= late < timedelta(seconds=10)  # the bench measures how late


@pytest.mark.usefixtures("service")
async def test_overdue_timer_fires_at_once(peer: BusPeer) -> None:
    order = order_due_in(-60)
    async with asyncio.timeout(10):
        await peer.publish(order.event(OrderCreated, 0))
        assert await expired(peer) == [order.id]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("end", [OrderCancelled, OrderCompleted])
@pytest.mark.parametrize("is_overtaking", [False, True])
async def test_the_timer_of_a_final_order_never_fires(
    peer: BusPeer, stored: Collection, end: type[OrderEvent], *, is_overtaking: bool
) -> None:
    order, marker = order_due_in(3600), order_due_in(-1)
    history: list[OrderEvent] = [order.event(OrderCreated, 0), order.event(end, 1)]
    for event in reversed(history) if is_overtaking else history:
        await peer.publish(event)
    await peer.wait_acked_by("expiration")
    overdue = marker.expires_at - timedelta(seconds=1)
    await stored.update({"_id": order.id}, {"$set": {"fireAt": overdue}})
    await peer.publish(marker.event(OrderCreated, 0))
    assert await expired(peer) == [marker.id]


@pytest.mark.usefixtures("service")
async def test_a_repeated_order_fires_once(peer: BusPeer, stored: Collection) -> None:
    order, marker = order_due_in(-2), order_due_in(-1)
    await peer.publish(order.event(OrderCreated, 0))
    await expired(peer)

    async def is_done() -> bool:
        return await stored.find_one({"_id": order.id, "state": "fired"}) is not None

    await eventually(is_done)
    await peer.publish(order.event(OrderCreated, 0), ":again")
    await peer.wait_acked_by("expiration")
    assert await is_done()
    await peer.publish(marker.event(OrderCreated, 0))
    assert await expired(peer, 2) == [order.id, marker.id]


async def test_crashed_claim_fires_after_its_lease(
    app: FastAPI, peer: BusPeer, timers: TimerRepository, stored: Collection
) -> None:
    left = new_id()
    now = datetime.now(UTC)
    await timers.schedule(left, now)
    assert list(await timers.claim_due(now)) == [left]
    marker = new_id()
    await timers.schedule(marker, now)
    async with running(app):
        assert await expired(peer) == [marker]
        await stored.update({"_id": left}, {"$set": {"leaseUntil": now - timedelta(seconds=1)}})
        assert await expired(peer, 2) == [marker, left]


async def test_unacknowledged_timer_is_not_marked_fired(
    timers: TimerRepository, nats_url: str
) -> None:
    order_id, now = new_id(), datetime.now(UTC)
    await timers.schedule(order_id, now)
    await fire_due(timers, Bus(nats_url, service="expiration"))
    assert await timers.claim_due(now) == {}
    assert list(await timers.claim_due(now + 2 * LEASE)) == [order_id]


@pytest.mark.usefixtures("service")
async def test_timer_due_during_nats_outage_fires_later(
    peer: BusPeer, nats_server: NatsServer, stored: Collection
) -> None:
    order = order_due_in(3600)
    await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_acked_by("expiration")
    nats_server.stop()
    due = datetime.now(UTC)
    await stored.update({"_id": order.id}, {"$set": {"fireAt": due}})

    async def was_looked_for() -> bool:
        return datetime.now(UTC) > due + timedelta(seconds=2 * timer.POLL_SECONDS)

    await eventually(was_looked_for)
    assert await stored.find_one({"_id": order.id, "leaseUntil": {"$exists": True}}) is None
    nats_server.start()
    assert await expired(peer) == [order.id]


async def test_worker_sleeps_until_next_timer(
    app: FastAPI, peer: BusPeer, timers: TimerRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer, "POLL_SECONDS", 3600)
    first, second = order_due_in(0), order_due_in(2)
    for order in (first, second):
        await timers.schedule(order.id, order.expires_at)
    async with running(app):
        assert await expired(peer, 2) == [first.id, second.id]
        assert datetime.now(UTC) > second.expires_at


@pytest.mark.usefixtures("service")
async def test_simultaneous_timers_fire_once_each(
    peer: BusPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (timer, repository):
        monkeypatch.setattr(module, "BATCH", 80)
    due = datetime.now(UTC) + timedelta(seconds=0.5)
    orders = [OrderHistory("buyer", due) for _ in range(300)]
    await asyncio.gather(*(peer.publish(order.event(OrderCreated, 0)) for order in orders))
    await expired(peer, 300)
    marker = order_due_in(-1)
    await peer.publish(marker.event(OrderCreated, 0))
    *fired, last = await expired(peer, 301)
    assert sorted(fired) == sorted(order.id for order in orders)
    assert last == marker.id


@pytest.mark.usefixtures("service")
async def test_a_lost_expiration_is_said_again(peer: BusPeer, stored: Collection) -> None:
    order = order_due_in(-1)
    await peer.publish(order.event(OrderCreated, 0))
    assert await expired(peer) == [order.id]

    async def is_done() -> bool:
        return await stored.find_one({"_id": order.id, "state": "fired"}) is not None

    await eventually(is_done)
    await peer.publish(order.snapshot(OrderCreated, 0), ":snapshot")
    assert await expired(peer, 2) == [order.id, order.id]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("end", [OrderCancelled, OrderCompleted])
async def test_snapshot_of_final_order_cancels_timer(
    peer: BusPeer, stored: Collection, end: type[OrderEvent]
) -> None:
    order, unknown, marker = order_due_in(60), order_due_in(-60), order_due_in(-1)
    await peer.publish(order.event(OrderCreated, 0))
    for final in (order, unknown):
        await peer.publish(final.snapshot(end, 2))
    await peer.publish(marker.event(OrderCreated, 0))
    assert await expired(peer) == [marker.id]
    await peer.wait_acked_by("expiration")
    found = await stored.find({"state": "cancelled"}, sort=[("_id", 1)], limit=9)
    assert [timer["_id"] for timer in found] == sorted([order.id, unknown.id])


@pytest.mark.usefixtures("service")
async def test_snapshot_of_live_order_schedules_timer(peer: BusPeer) -> None:
    order = order_due_in(0.5)
    await peer.publish(order.snapshot(OrderAwaitingPayment, 1))
    assert await expired(peer) == [order.id]
