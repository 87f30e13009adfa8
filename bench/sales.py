"""Whole sales: how many in a second, what one costs, and how soon each effect follows its cause."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from statistics import median, quantiles
from typing import TypeVar

from httpx import AsyncClient

from bench.figures import Figure
from bench.processes import cpu_ms, memory_mb
from bench.stacks import settled, stack
from devstack.event_source import EventSource, listening
from devstack.headless import Stack
from devstack.people import Ledger, Person

SALES, PEOPLE = 240, 6
TURNS = 100
PAID_MS = 100


async def measure() -> list[Figure]:
    """First on an idle system one after the other, then many at once."""
    with stack() as running:
        idle = _memory(running, "idle")
        async with AsyncExitStack() as opened:
            people = [
                await Person(
                    await opened.enter_async_context(
                        AsyncClient(base_url=running.gateway, timeout=30)
                    )
                ).sign_up()
                for _ in range(PEOPLE)
            ]
            latencies = await _latencies(running, people[0])
            sales = await _sales(running, people)
            return [*latencies, *sales, *idle, *_memory(running, "after all that")]


async def _latencies(running: Stack, person: Person) -> list[Figure]:
    [tickets], [orders] = running.services["tickets"], running.services["orders"]
    headers = {"cookie": f"session={person.client.cookies['session']}"}
    times: dict[str, list[float]] = {
        "order -> held": [],
        "pay -> complete": [],
        "cancel -> free": [],
    }
    async with (
        AsyncClient(base_url=tickets) as door,
        AsyncClient(base_url=orders, headers=headers) as own,
        listening(door, "/api/tickets/events") as market,
    ):
        for turn in range(TURNS):
            ticket = await person.list_ticket()
            order, held = await _timed(person.order(ticket), market, ticket, "held")
            times["order -> held"].append(held)
            if turn % 2:
                _, free = await _timed(person.cancel(order), market, ticket, "free")
                times["cancel -> free"].append(free)
                continue
            async with listening(own, f"/api/orders/{order}/events") as story:
                _, paid = await _timed(person.pay(order), story, order, "complete")
                times["pay -> complete"].append(paid)
    return [figure for name, each in times.items() for figure in _of_latency(name, each)]


T = TypeVar("T")


async def _timed(
    act: Awaitable[T], source: EventSource, identity: str, status: str
) -> tuple[T, float]:
    """From the press of the button to the first who hears what came of it, in ms."""
    began, known = time.perf_counter(), len(source.said)
    acted = await act
    while not any(
        said.event != "reset" and (said.data["id"], said.data["status"]) == (identity, status)
        for said in source.said[known:]
    ):
        assert time.perf_counter() - began < 10, f"{identity} never became {status}"
        await asyncio.sleep(0.001)
    return acted, (time.perf_counter() - began) * 1000


def _of_latency(name: str, times: list[float]) -> list[Figure]:
    asked = PAID_MS if name == "pay -> complete" else None
    return [
        Figure(name=f"{name}, p50", value=median(times), unit="ms"),
        Figure(name=f"{name}, p99", value=quantiles(times, n=100)[98], unit="ms", target=asked),
    ]


async def _sales(running: Stack, people: list[Person]) -> list[Figure]:
    """Listed, ordered, paid, complete, captured."""
    pids = [pid for each in running.pids.values() for pid in each]
    began, before, own = time.perf_counter(), cpu_ms(*pids), time.process_time()
    sold = await asyncio.gather(*(_sell(person, SALES // PEOPLE) for person in people))
    async with AsyncClient(base_url=running.sandbox) as client:
        await _captured(Ledger(client), {order for each in sold for order in each})
    seconds, clients = time.perf_counter() - began, time.process_time() - own
    await settled(running)
    spent = cpu_ms(*pids) - before
    note = f"the clients used {clients / seconds:.0%} of a core"
    return [
        Figure(name="whole sales", value=SALES / seconds, unit="sales/s", note=note),
        Figure(name="CPU of a sale over all processes", value=spent / SALES / 1000, unit="s"),
    ]


async def _sell(person: Person, count: int) -> list[str]:
    orders = []
    for _ in range(count):
        order = await person.order(await person.list_ticket())
        answer = await person.pay(order)
        assert answer.status_code == 201, answer.text
        orders.append(order)
    return orders


async def _captured(ledger: Ledger, orders: set[str]) -> None:
    async with asyncio.timeout(30):
        while True:
            books = await ledger.whole()
            if all(books[order] and books[order][0]["captured"] for order in orders):
                return
            await asyncio.sleep(0.1)


def _memory(running: Stack, when: str) -> list[Figure]:
    return [
        Figure(
            name=f"memory of {service}, {when}",
            value=memory_mb(running.pids[service][0]),
            unit="MB",
            target=90 if when == "idle" else None,
        )
        for service in running.services
    ]
