"""How fast replicas of orders drain a backlog of events of tickets."""

import random
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from statistics import median

from bench.alone import Alone, alone
from bench.figures import Figure
from common.contracts.events import Event
from devstack.ticket_history import TicketHistory

TICKETS, VERSIONS = 4_000, 5
ROUNDS = 5
TARGET = 1_500
CPU_SHARE, COMMANDS_SHARE = 0.95, 0.8
"""Two are not to cost more than one, but for what reaches one of them too early."""
ONE, TWO = "one replica of orders drains", "two replicas, beside one"
SEED = 1


@dataclass(frozen=True)
class Drained:
    """Events by the clock and by the CPU of all replicas, and what MongoDB had to do for them."""

    per_second: float
    per_cpu_second: float
    commands_per_event: float


async def measure() -> Sequence[Figure]:
    """One replica, then two of them for the same backlog, in turns."""
    turns = [(await _drained_by(1), await _drained_by(2)) for _ in range(ROUNDS)]
    one, two = (_median(side) for side in zip(*turns, strict=True))
    return [
        Figure(name=ONE, value=one.per_second, unit="events/s", target=TARGET),
        Figure(
            name=f"{ONE}, per second of its CPU",
            value=one.per_cpu_second,
            unit="events/s",
            target=TARGET,
        ),
        Figure(name=TWO, value=two.per_second, unit="events/s", floor=one.per_second),
        Figure(
            name=f"{TWO}, per second of their CPU",
            value=two.per_cpu_second,
            unit="events/s",
            floor=one.per_cpu_second,
            target_share=CPU_SHARE,
        ),
        Figure(
            name=f"{TWO}, commands to MongoDB for 1,000 events",
            value=two.commands_per_event * 1000,
            unit="commands",
            floor=one.commands_per_event * 1000,
            target_share=COMMANDS_SHARE,
        ),
    ]


async def _drained_by(replicas: int) -> Drained:
    """Said while nobody runs, then heard."""
    async with alone("orders", replicas) as orders:
        await orders.start()  # or nothing would be kept for it
        orders.stop()
        await orders.say(_backlog())
        await orders.start()
        return await _drain(orders)


async def _drain(orders: Alone) -> Drained:
    given, used, begun = orders.commands(), orders.cpu_seconds(), time.perf_counter()
    count = await orders.left()
    await orders.heard_all()
    seconds, used = time.perf_counter() - begun, orders.cpu_seconds() - used
    orders.check("tickets", {"version": VERSIONS - 1}, TICKETS)
    return Drained(count / seconds, count / used, (orders.commands() - given) / count)


def _median(rounds: Sequence[Drained]) -> Drained:
    return Drained(*map(median, zip(*map(astuple, rounds), strict=True)))


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
