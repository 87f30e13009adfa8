"""Placing orders: each of another ticket, beside a bare route, and a thousand of the same ten."""

import tempfile
import time
from pathlib import Path
from typing import Any

from httpx import AsyncClient

from bench import seed
from bench.figures import Figure
from bench.floor import floor
from bench.load import Plan, Request, load
from bench.people import sign_in
from bench.processes import cpu_ms
from bench.rounds import Side, alternate
from bench.stacks import settled, stack
from devstack.headless import Stack

ROUNDS, COUNT, CLIENTS = 6, 250, 16
BUYERS, WANTED = 1_000, 10
SHARE = 0.80


async def measure() -> list[Figure]:
    """One replica of orders with the whole system behind it."""
    with (
        stack() as running,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        floor(running.mongo["orders"], Path(folder)) as bare,
    ):
        async with AsyncClient(base_url=bare.name) as client:
            await client.post("/indexes")
        [url], [pid] = running.services["orders"], running.pids["orders"]
        tickets = await seed.offer(running, (ROUNDS + 1) * COUNT)
        [buyer] = sign_in(running, 1)
        ours = Side(url, pid, [_order(each, "/api/orders", buyer) for each in tickets])
        same = Side(bare.name, bare.pid, [_order(each, "/orders", {}) for each in tickets])
        total = await _place(running, ours, same)
        return [*_figures(ours, same, total), *await _stampede(running)]


async def _place(running: Stack, ours: Side, same: Side) -> float:
    """CPU of one order until all that follows from it has happened."""
    before = 0.0
    for turn in range(ROUNDS + 1):
        if turn == 1:  # everything is warm
            before = cpu_ms(ours.pid)
            ours.forget()
            same.forget()
        await alternate([ours], rounds=1, count=COUNT, connections=CLIENTS, status=201)
        await settled(running)
        await alternate([same], rounds=1, count=COUNT, connections=CLIENTS, status=201)
    return (cpu_ms(ours.pid) - before) / (ROUNDS * COUNT)


async def _stampede(running: Stack) -> list[Figure]:
    tickets = await seed.offer(running, WANTED)
    buyers = sign_in(running, BUYERS)
    wanted = [
        _order(tickets[number % WANTED], "/api/orders", buyer)
        for number, buyer in enumerate(buyers)
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


def _order(ticket_id: str, path: str, headers: dict[str, str]) -> Request:
    body = f'{{"ticketId":"{ticket_id}"}}'
    return Request(method="POST", path=path, headers=headers, body=body)


def _figures(ours: Side, same: Side, total: float) -> list[Figure]:
    clients = f"the clients used {ours.loads[-1].cpu_share:.0%} of a core"

    def figure(what: str, unit: str, value: float, floor: float, **more: Any) -> Figure:
        return Figure(name=f"POST /api/orders, {what}", unit=unit, value=value, floor=floor, **more)

    return [
        figure("rate", "req/s", ours.per_second, same.per_second, target_share=SHARE, note=clients),
        figure("p50", "ms", ours.percentile_ms(50), same.percentile_ms(50)),
        figure("p99", "ms", ours.percentile_ms(99), same.percentile_ms(99)),
        figure("CPU of the server while they come", "ms", ours.cpu_ms, same.cpu_ms),
        figure("CPU with all events that follow", "ms", total, same.cpu_ms),
    ]
