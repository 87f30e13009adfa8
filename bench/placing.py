"""Placing orders: each of another ticket, beside a bare route, and a thousand of the same ten."""

import asyncio
import time

from httpx import AsyncClient

from bench import seed
from bench.alone import Alone, alone
from bench.figures import Figure
from bench.floor import floor
from bench.load import Plan, Request, load
from bench.processes import cpu_ms
from bench.rounds import Side, alternate, compared
from bench.sessions import sign_in
from bench.stacks import settled, stack
from common.contracts.events import TicketCreated
from common.contracts.ids import new_id
from common.contracts.money import Price
from devstack.plan import http_url
from devstack.running_stack import RunningStack
from devstack.testing import new_session

ROUNDS, COUNT, CLIENTS = 6, 1_000, 16
BUYERS, WANTED = 1_000, 10
SHARE = 0.80
PAUSE_SECONDS = 1.0
"""Until what was ordered is announced and no outbox is left to be cleared."""


async def measure() -> list[Figure]:
    """Of orders alone with its servers, then with the whole system behind it."""
    return [*await _alone(), *await _in_company()]


async def _alone() -> list[Figure]:
    """Stored, answered, and announced on the bus, where nobody listens."""
    async with alone("orders") as there:
        uri = there.plan.mongo_uri("orders")
        with floor(uri, there.plan.folder) as bare:
            async with AsyncClient(base_url=bare.name) as client:
                await client.post("/indexes")
            await there.start()
            tickets = await offer(there)
            buyer = new_session(there.plan.secrets.session_keys).headers
            [replica] = there.replicas
            url = http_url(there.plan.ports.services["orders"][0])
            ours = Side(url, replica.pid, [order(each, "/api/orders", buyer) for each in tickets])
            same = Side(bare.name, bare.pid, [order(each, "/orders", {}) for each in tickets])
            await in_turns(ours, same)
        return compared("POST /api/orders", ours, same, share=SHARE, cpu="CPU, announced")


async def in_turns(ours: Side, same: Side) -> None:
    """Each once more than is counted, so that everything is warm."""
    for turn in range(ROUNDS + 1):
        if turn == 1:
            ours.forget()
            same.forget()
        await alternate([ours], rounds=1, count=COUNT, connections=CLIENTS, status=201)
        await asyncio.sleep(PAUSE_SECONDS)
        await alternate([same], rounds=1, count=COUNT, connections=CLIENTS, status=201)


async def offer(there: Alone, count: int = (ROUNDS + 1) * COUNT) -> list[str]:
    """So many tickets that orders has heard of, or looks as if it had."""
    price = Price(2_000)
    await there.publish(
        [TicketCreated(id=new_id(), version=0, title="Concert", price=price, user_id=new_id())]
    )
    await there.wait_all_acked()
    uri = there.plan.mongo_uri("orders")
    return seed.copies(uri, "tickets", count, lambda _: {})


async def _in_company() -> list[Figure]:
    with stack() as running:
        [url], [pid] = running.services["orders"], running.pids["orders"]
        tickets = await seed.offer(running, 2 * COUNT)
        [buyer] = sign_in(running, 1)
        ours = Side(url, pid, [order(each, "/api/orders", buyer) for each in tickets])
        await alternate([ours], rounds=1, count=COUNT, connections=CLIENTS, status=201)
        await settled(running)
        before = cpu_ms(pid)
        await alternate([ours], rounds=1, count=COUNT, connections=CLIENTS, status=201)
        await settled(running)
        total = (cpu_ms(pid) - before) / COUNT
        name = "POST /api/orders, CPU of orders with all events that follow"
        return [Figure(name=name, value=total, unit="ms"), *await _stampede(running)]


async def _stampede(running: RunningStack) -> list[Figure]:
    tickets = await seed.offer(running, WANTED)
    buyers = sign_in(running, BUYERS)
    wanted = [
        order(tickets[number % WANTED], "/api/orders", buyer) for number, buyer in enumerate(buyers)
    ]
    began = time.perf_counter()
    met = await load(Plan(url=running.gateway, requests=wanted, count=BUYERS, connections=100))
    await settled(running)
    seconds = time.perf_counter() - began
    assert met.statuses == {201: WANTED, 409: BUYERS - WANTED}, met.statuses
    name = f"{BUYERS:,} buyers of {WANTED} tickets, {met.statuses[201]} orders"
    return [
        Figure(name=f"{name}: all are answered", value=met.seconds, unit="s"),
        Figure(name=f"{name}: p99 of an answer", value=met.percentile_ms(99), unit="ms"),
        Figure(name=f"{name}: all services know", value=seconds, unit="s"),
    ]


def order(ticket_id: str, path: str, headers: dict[str, str]) -> Request:
    """The request for a ticket."""
    body = f'{{"ticketId":"{ticket_id}"}}'
    return Request(method="POST", path=path, headers=headers, body=body)
