"""What majority reads cost: a service beside itself with local reads, on one mongod and on three.

"Floor" is the same code without the line that asks for majority reads.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from statistics import mean
from typing import Final

from httpx import AsyncClient
from tests.guarantees.safeguards import Break, broken

from bench import placing, seed
from bench.alone import Alone, alone
from bench.figures import Figure
from bench.load import Request
from bench.rounds import Side, alternate
from devstack.members import COUNT as THREE
from devstack.plan import http_url
from devstack.process import Process
from devstack.testing import new_session

LOCAL_READS: Final = Break(
    "majority reads", "common/src/common/mongo.py", 'readConcernLevel="majority",', ""
)
TICKETS, ORDERS = 1_000, 600
ROUNDS, CLIENTS = 12, 8
SHARE = 0.97
PAUSE_SECONDS = 0.5
"""Until what was ordered is announced, so that the other side does not compute beside it."""


class NotWhatItIs(Exception):
    """A side does not read as it is said to."""


@dataclass(frozen=True)
class Work:
    """What is asked of both sides in each round."""

    name: str
    count: int
    status: int = 200
    pause: float = 0


LIST: Final = Work("GET /api/tickets", 1_000)
ONE: Final = Work("GET /api/tickets/{id}", 1_500)
ORDER: Final = Work("POST /api/orders", ORDERS, 201, PAUSE_SECONDS)


async def measure() -> Sequence[Figure]:
    """Two reads of tickets, and placing orders."""
    figures = list[Figure]()
    with broken(LOCAL_READS) as places:
        for members in (1, THREE):
            async with _both_sides("tickets", places, members) as there:
                figures += await _reads(there)
            async with _both_sides("orders", places, members) as there:
                figures += await _orders(there)
    return figures


@asynccontextmanager
async def _both_sides(service: str, places: str, members: int) -> AsyncIterator[Alone]:
    """Two replicas on the same servers: the second reads what is not committed, too."""
    async with alone(service, 2, members) as there:
        ours, same = there.replicas
        variables = {**same.program.variables, "PYTHONPATH": places}
        there.replicas = [ours, Process(replace(same.program, variables=variables))]
        await there.start()
        yield there


async def _reads(there: Alone) -> list[Figure]:
    seller = new_session(there.plan.secrets.session_keys)
    url = http_url(there.plan.ports.services["tickets"][0])
    async with AsyncClient(base_url=url, headers=seller.headers) as client:
        made = await client.post("/api/tickets", json={"title": "Concert", "price": 19.99})
        made.raise_for_status()
    ids = seed.copies(there.plan.mongo_uri("tickets"), "tickets", TICKETS, lambda _: {})
    page, tickets = [Request(path="/api/tickets")], [Request(path=f"/api/tickets/{i}") for i in ids]
    return [
        *await _compare(there, LIST, page, page),
        *await _compare(there, ONE, tickets, tickets),
    ]


async def _orders(there: Alone) -> list[Figure]:
    ids = await placing.offer(there, 2 * (ROUNDS + 1) * ORDERS)
    buyer = new_session(there.plan.secrets.session_keys).headers
    requests = [placing.order(each, "/api/orders", buyer) for each in ids]
    return await _compare(there, ORDER, requests[::2], requests[1::2])


async def _compare(
    there: Alone, work: Work, of_ours: Sequence[Request], of_same: Sequence[Request]
) -> list[Figure]:
    """In turns, and whose turn is first changes; the first round is to warm them."""
    urls = map(http_url, there.plan.ports.services[there.service])
    pids = (replica.pid for replica in there.replicas)
    ours, same = itertools.starmap(Side, zip(urls, pids, (of_ours, of_same), strict=True))
    for side, level in ((ours, "majority"), (same, "none")):
        before = _reads_by_level(there)
        await _turn(side, work)
        check(before, _reads_by_level(there), level)
        side.forget()
    for number in range(ROUNDS):
        for side in (ours, same) if number % 2 else (same, ours):
            await _turn(side, work)
    mongods = "three mongods" if there.plan.ports.members else "one mongod"
    return figures_of(f"{work.name}, {mongods}", ours, same)


async def _turn(side: Side, work: Work) -> None:
    await alternate([side], rounds=1, count=work.count, connections=CLIENTS, status=work.status)
    await asyncio.sleep(work.pause)


def _reads_by_level(there: Alone) -> dict[str, int]:
    counted: dict[str, int] = there.status()["readConcernCounters"]["nonTransactionOps"]
    return counted


def check(before: dict[str, int], after: dict[str, int], level: str) -> None:
    """The round's reads are of that level, but for the few of whoever else is there."""
    grown = {name: after[name] - before[name] for name in ("majority", "none")}
    if max(grown, key=grown.__getitem__) != level:
        raise NotWhatItIs(f"reads should have been {level}, and were {grown}")


def figures_of(name: str, ours: Side, same: Side) -> list[Figure]:
    """CPU and rate of one side beside the other's, and between what its share was in the rounds.

    The CPU is the mean: of so short a round, a step of the clock is more than what is asked.
    """
    cpu = Figure(name=f"{name}, CPU", unit="ms", value=mean(ours.cpu), floor=mean(same.cpu))
    rate = Figure(name=f"{name}, rate", unit="req/s", value=ours.per_second, floor=same.per_second)
    rates = [[each.per_second for each in side.loads] for side in (ours, same)]
    return [_judged(cpu, ours.cpu, same.cpu), _judged(rate, *rates)]


def _judged(figure: Figure, values: Sequence[float], floors: Sequence[float]) -> Figure:
    pairs = zip(values, floors, strict=True)
    rounds = [figure.model_copy(update={"value": v, "floor": f}).share or 0 for v, f in pairs]
    spread = f"{min(rounds):.0%} to {max(rounds):.0%} in {len(rounds)} rounds"
    return figure.model_copy(update={"target_share": SHARE, "note": spread})
