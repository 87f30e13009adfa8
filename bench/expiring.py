"""How late timers fire: 5,000 that are due at once, and one by one when nothing else goes on."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import nats
from nats.aio.msg import Msg

from bench.alone import Alone, WorkNotDone, alone, percentile, until
from bench.figures import Figure
from common.contracts.events import OrderCreated
from common.contracts.subjects import Subject
from devstack.order_history import OrderHistory

CROWD, CROWD_AFTER = 5_000, timedelta(seconds=25)
SINGLES, SINGLES_EVERY = 200, timedelta(milliseconds=50)
SETTLED = timedelta(seconds=4)


async def measure() -> Sequence[Figure]:
    """The crowd first, then the singles, by the same process."""
    async with alone("expiration") as expiration:
        await expiration.start()
        now = datetime.now(UTC)
        crowd = await _lateness(expiration, [now + CROWD_AFTER] * CROWD)
        start = datetime.now(UTC) + SETTLED
        idle = await _lateness(
            expiration, [start + number * SINGLES_EVERY for number in range(SINGLES)]
        )
    name = f"{CROWD:,} timers due at once"
    return [
        Figure(name=f"{name}, lateness p50", value=percentile(crowd, 50), unit="ms"),
        Figure(name=f"{name}, lateness p99", value=percentile(crowd, 99), unit="ms", target=1_000),
        Figure(name=f"{name}, the last one", value=max(crowd), unit="ms"),
        Figure(
            name="a timer of an idle system, lateness p50", value=percentile(idle, 50), unit="ms"
        ),
        Figure(
            name="a timer of an idle system, lateness p99",
            value=percentile(idle, 99),
            unit="ms",
            target=150,
        ),
    ]


async def _lateness(expiration: Alone, times: Sequence[datetime]) -> list[float]:
    """In ms, of each timer from its time to its event; all have to come, once, and not early."""
    orders = [OrderHistory("buyer", moment) for moment in times]
    async with _hearing(expiration) as heard:
        await expiration.say([order.event(OrderCreated, 0) for order in orders])
        await expiration.heard_all()
        if datetime.now(UTC) > min(times):
            raise WorkNotDone("the timers were not set in time")

        async def all_fired() -> bool:
            return len(heard) >= len(orders)

        await until(all_fired)
    late = [(heard[order.id] - order.expires_at.timestamp()) * 1000 for order in orders]
    if min(late) < 0:
        raise WorkNotDone(f"a timer fired {-min(late):.1f} ms early")
    return late


@asynccontextmanager
async def _hearing(expiration: Alone) -> AsyncIterator[dict[str, float]]:
    """When each order expired, in seconds since 1970; raises when one does twice."""
    heard: dict[str, float] = {}
    twice: list[str] = []

    async def note(message: Msg) -> None:
        order_id = json.loads(message.data)["orderId"]
        twice.extend([order_id] if order_id in heard else [])
        heard[order_id] = time.time()

    client = await nats.connect(expiration.plan.nats_url)
    try:
        await client.subscribe(Subject.EXPIRATION_COMPLETE, cb=note)
        await client.flush()
        yield heard
    finally:
        await client.close()
    if twice:
        raise WorkNotDone(f"{len(twice)} timers fired twice")
