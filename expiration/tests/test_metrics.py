"""What the expiration service shows, and the trace that goes on when a timer fires."""

from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient

from common import gauges, tracing
from common.contracts.events import ExpirationComplete, OrderCreated
from common.mongo import Collection
from common.tracing import SpanKind, start_span
from devstack.order_history import OrderHistory
from devstack.scraping import delta, scrape, wait_for_sample
from devstack.testing import BusPeer
from expiration.repository import TimerRepository

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "CACHE_SECONDS", 0)


async def test_lateness_and_what_waits_are_shown(
    service: AsyncClient, peer: BusPeer, stored: Collection
) -> None:
    now, before = datetime.now(UTC), await scrape(service)
    late = OrderHistory("buyer", now - timedelta(seconds=20))
    ahead = OrderHistory("buyer", now + timedelta(hours=1))
    for order in (late, ahead):
        await peer.publish(order.event(OrderCreated, 0))
    await peer.wait_for(ExpirationComplete)
    await wait_for_sample(service, "timers_scheduled", 1)
    await wait_for_sample(service, "timers_overdue", 0)
    after = await scrape(service)
    assert delta(before, after, "timer_lateness_seconds_count") == {frozenset(): 1}
    [seconds] = delta(before, after, "timer_lateness_seconds_sum").values()
    assert 20 <= seconds < 30
    await stored.update({"_id": ahead.id}, {"$set": {"leaseUntil": now + timedelta(hours=2)}})
    for seconds, overdue in ((-60, 0), (1, 0), (10, 1)):
        fire_at = datetime.now(UTC) - timedelta(seconds=seconds)
        await stored.update({"_id": ahead.id}, {"$set": {"fireAt": fire_at}})
        assert (await scrape(service))["timers_overdue", frozenset()] == overdue


@pytest.mark.parametrize("again", [False, True])
async def test_timer_continues_its_trace(timers: TimerRepository, *, again: bool) -> None:
    now = datetime.now(UTC)
    with start_span(SpanKind.CONSUMER, "process order:created", TRACE):
        await (timers.reschedule if again else timers.schedule)("order", now)
    assert tracing.current_traceparent.get() == ""
    assert (await timers.claim_due(now))["order"].traceparent == TRACE
