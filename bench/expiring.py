"""How late timers fire: 5,000 that are due at once, and one by one when nothing else goes on."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import nats

from bench.alone import Alone, WorkNotDone, alone, percentile, until
from bench.figures import Figure
from common.contracts.events import OrderCreated
from common.contracts.subjects import Subject
from common.messaging.streams import STREAM
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
    await expiration.publish([order.event(OrderCreated, 0) for order in orders])
    await expiration.wait_all_acked()
    if datetime.now(UTC) > min(times):
        raise WorkNotDone("the timers were not set in time")
    await asyncio.sleep((max(times) - datetime.now(UTC)).total_seconds())
    await until(partial(_have_fired, expiration))
    said = await _said(expiration)
    late = [(said.pop(order.id) - order.expires_at).total_seconds() * 1000 for order in orders]
    if min(late) < 0:
        raise WorkNotDone(f"a timer fired {-min(late):.1f} ms early")
    return late


async def _have_fired(expiration: Alone) -> bool:
    return await asyncio.to_thread(expiration.count, "timers", {"state": "scheduled"}) == 0


async def _said(expiration: Alone) -> dict[str, datetime]:
    """When the stream stored that each order has expired; raises when it is there twice."""
    client = await nats.connect(expiration.plan.nats_url)
    try:
        heard = await client.jetstream().subscribe(
            Subject.EXPIRATION_COMPLETE, stream=STREAM, ordered_consumer=True
        )
        messages = [await heard.next_msg()]
        while messages[-1].metadata.num_pending:
            messages.append(await heard.next_msg())
    finally:
        await client.close()
    said = {json.loads(each.data)["orderId"]: each.metadata.timestamp for each in messages}
    if len(said) < len(messages):
        raise WorkNotDone(f"{len(messages) - len(said)} timers fired twice")
    return said
