"""How fast replicas of orders drain a backlog of events of tickets."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
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
APART = "two replicas, beside two that share nothing"
"""What these lose against one is the machine's part of it; the rest is that of sharing."""
SEED = 1


@dataclass(frozen=True)
class Drained:
    """Events by the clock and by the CPU of all replicas, and what MongoDB had to do for them."""

    per_second: float
    per_cpu_second: float
    commands_per_event: float


async def measure() -> Sequence[Figure]:
    """One replica, two for the same backlog, and two with a backlog and servers each, in turns."""
    turns = [
        (await _drained_by(1), await _drained_by(2), await _drained_by(1, 1)) for _ in range(ROUNDS)
    ]
    one, two, apart = (_median(side) for side in zip(*turns, strict=True))
    return [
        Figure(name=ONE, value=one.per_second, unit="events/s", target=TARGET),
        Figure(
            name=f"{ONE}, per second of its CPU",
            value=one.per_cpu_second,
            unit="events/s",
            target=TARGET,
        ),
        *_beside(TWO, two, one),
        Figure(
            name=f"{TWO}, commands to MongoDB for 1,000 events",
            value=two.commands_per_event * 1000,
            unit="commands",
            floor=one.commands_per_event * 1000,
            target_share=COMMANDS_SHARE,
        ),
        *_beside(APART, two, apart),
    ]


def _beside(name: str, two: Drained, floor: Drained) -> Sequence[Figure]:
    return [
        Figure(name=name, value=two.per_second, unit="events/s", floor=floor.per_second),
        Figure(
            name=f"{name}, per second of their CPU",
            value=two.per_cpu_second,
            unit="events/s",
            floor=floor.per_cpu_second,
            target_share=CPU_SHARE,
        ),
    ]


async def _drained_by(*replicas: int) -> Drained:
    """Said while nobody runs, then heard; for each number by so many, with servers of their own."""
    async with AsyncExitStack() as stack:
        systems = [await stack.enter_async_context(alone("orders", each)) for each in replicas]
        for orders in systems:
            await orders.start()  # or nothing would be kept for it
            orders.stop()
            await orders.publish(_backlog())
        await asyncio.gather(*(orders.start() for orders in systems))
        return await _drain(systems)


async def _drain(systems: Sequence[Alone]) -> Drained:
    given, used, begun = _commands(systems), _cpu_seconds(systems), time.perf_counter()
    count = sum([await orders.left() for orders in systems])
    await asyncio.gather(*(orders.wait_all_acked() for orders in systems))
    seconds, used = time.perf_counter() - begun, _cpu_seconds(systems) - used
    for orders in systems:
        orders.check("tickets", {"version": VERSIONS - 1}, TICKETS)
    return Drained(count / seconds, count / used, (_commands(systems) - given) / count)


def _commands(systems: Sequence[Alone]) -> int:
    return sum(orders.commands() for orders in systems)


def _cpu_seconds(systems: Sequence[Alone]) -> float:
    return sum(orders.cpu_seconds() for orders in systems)


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
