"""How fast replicas of orders drain a backlog of events of tickets."""

import random
import time
from collections.abc import Sequence
from statistics import median

from bench.alone import Alone, alone
from bench.figures import Figure
from common.contracts.events import Event
from devstack.ticket_history import TicketHistory

TICKETS, VERSIONS = 4_000, 5
ROUNDS = 5
TARGET = 1_500
SHARE = 0.95
"""Two are not to cost more than one; so much of it is noise."""
SEED = 1


async def measure() -> Sequence[Figure]:
    """One replica, then two of them for the same backlog, in turns."""
    turns = [(await _drained_by(1), await _drained_by(2)) for _ in range(ROUNDS)]
    (rate, per_core), (rate_of_two, per_core_of_two) = (
        [median(each) for each in zip(*side, strict=True)] for side in zip(*turns, strict=True)
    )
    return [
        Figure(name="one replica of orders drains", value=rate, unit="events/s", target=TARGET),
        Figure(name="two replicas, beside one", value=rate_of_two, unit="events/s", floor=rate),
        Figure(name="one, per second of its CPU", value=per_core, unit="events/s", target=TARGET),
        Figure(
            name="two, per second of their CPU, beside one",
            value=per_core_of_two,
            unit="events/s",
            floor=per_core,
            target_share=SHARE,
        ),
    ]


async def _drained_by(replicas: int) -> tuple[float, float]:
    """Said while nobody runs, then heard: events per second of the clock, and of the CPU."""
    async with alone("orders", replicas) as orders:
        await orders.start()  # or nothing would be kept for it
        orders.stop()
        await orders.say(_backlog())
        await orders.start()
        return await _drain(orders)


async def _drain(orders: Alone) -> tuple[float, float]:
    used, begun = orders.cpu_seconds(), time.perf_counter()
    count = await orders.left()
    await orders.heard_all()
    seconds, used = time.perf_counter() - begun, orders.cpu_seconds() - used
    orders.check("tickets", {"version": VERSIONS - 1}, TICKETS)
    return count / seconds, count / used


def _backlog() -> list[Event]:
    """Tickets that are listed and edited, each in its order, all mixed as sellers would."""
    tickets = [TicketHistory() for _ in range(TICKETS)]
    turns = [ticket for ticket in tickets for _ in range(VERSIONS)]
    random.Random(SEED).shuffle(turns)  # noqa: S311 - the same each time
    versions = dict.fromkeys(tickets, 0)
    events: list[Event] = []
    for ticket in turns:
        events.append(ticket.event(versions[ticket]))
        versions[ticket] += 1
    return events
