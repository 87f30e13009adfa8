"""Whole sales: how many in a second, and what one costs."""

import asyncio
import time
from contextlib import AsyncExitStack
from itertools import chain
from urllib.parse import urlsplit

from httpx import AsyncClient

from bench.effects import effects
from bench.figures import Figure
from bench.processes import cpu_ms, memory_mb
from bench.stacks import settled, stack
from devstack.api_client import ApiClient, SandboxClient
from devstack.jetstream import last_sequence
from devstack.running_stack import RunningStack
from devstack.scraping import samples_in

SALES, PEOPLE = 240, 6
TURNS = 100


async def measure() -> list[Figure]:
    """First on an idle system one after the other, then many at once."""
    with stack() as running:
        idle = _memory(running, "idle")
        async with AsyncExitStack() as opened:
            people = [
                await ApiClient(
                    await opened.enter_async_context(
                        AsyncClient(base_url=running.gateway, timeout=30)
                    )
                ).sign_up()
                for _ in range(PEOPLE)
            ]
            latencies = await effects(running, people[0], TURNS)
            sales = await _sales(running, people)
            return [*latencies, *sales, *idle, *_memory(running, "after all that")]


async def _sales(running: RunningStack, people: list[ApiClient]) -> list[Figure]:
    """Listed, ordered, paid, complete, captured."""
    pids = [pid for each in running.pids.values() for pid in each]
    began, before, own = time.perf_counter(), cpu_ms(*pids), time.process_time()
    sold = await asyncio.gather(*(_sell(person, SALES // PEOPLE) for person in people))
    async with AsyncClient(base_url=running.sandbox) as client:
        await _captured(SandboxClient(client), {order for each in sold for order in each})
    seconds, clients = time.perf_counter() - began, time.process_time() - own
    await settled(running)
    spent = cpu_ms(*pids) - before
    note = f"the clients used {clients / seconds:.0%} of a core"
    return [
        Figure(name="whole sales", value=SALES / seconds, unit="sales/s", note=note),
        Figure(name="CPU of a sale over all processes", value=spent / SALES / 1000, unit="s"),
        await _publishes(running),
    ]


async def _publishes(running: RunningStack) -> Figure:
    """Without faults every event is published once: what the stream drops was work for nothing."""
    published = 0.0
    async with AsyncClient() as client:
        for url in chain.from_iterable(running.services.values()):
            samples = samples_in((await client.get(f"{url}/metrics")).text)
            published += sum(
                value for (name, _), value in samples.items() if name == "events_published_total"
            )
    stored = last_sequence(urlsplit(running.nats).port or 0)
    name, note = "publishes of an event", f"{published:.0f} published, {stored} stored"
    return Figure(name=name, value=published / stored, unit="", target=1, note=note)


async def _sell(person: ApiClient, count: int) -> list[str]:
    orders = []
    for _ in range(count):
        order = await person.order(await person.list_ticket())
        answer = await person.pay(order)
        assert answer.status_code == 201, answer.text
        orders.append(order)
    return orders


async def _captured(sandbox_client: SandboxClient, orders: set[str]) -> None:
    async with asyncio.timeout(30):
        while True:
            books = await sandbox_client.intents_by_order()
            if all(books[order] and books[order][0]["captured"] for order in orders):
                return
            await asyncio.sleep(0.1)


def _memory(running: RunningStack, when: str) -> list[Figure]:
    return [
        Figure(
            name=f"memory of {service}, {when}",
            value=memory_mb(running.pids[service][0]),
            unit="MB",
            target=90 if when == "idle" else None,
        )
        for service in running.services
    ]
