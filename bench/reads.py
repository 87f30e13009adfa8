"""The two reads that everybody does, against the same Motor query in a bare route."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from httpx import AsyncClient

from bench import seed
from bench.figures import Figure
from bench.floor import floor
from bench.load import Request
from bench.rounds import Side, alternate
from bench.stacks import stack
from devstack.headless import Stack
from devstack.people import Person
from devstack.process import Process

TICKETS = 1_000
ROUNDS, CLIENTS = 5, 8
SHARE = 0.85


async def measure() -> list[Figure]:
    """Both, of one replica of tickets and through the gateway."""
    with (
        stack() as running,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        floor(running.mongo["tickets"], Path(folder)) as bare,
    ):
        ticket = await _offer(running)
        return [
            *await _compare(running, bare, "GET /api/tickets (50 of them)", "", count=300),
            *await _compare(running, bare, "GET /api/tickets/{id}", f"/{ticket}", count=1_000),
        ]


async def _offer(running: Stack) -> str:
    async with AsyncClient(base_url=running.gateway, timeout=30) as client:
        seller = await Person(client).sign_up()
        ticket = await seller.list_ticket()
    seed.copies(running.mongo["tickets"], "tickets", TICKETS, lambda _: {})
    return ticket


async def _compare(
    running: Stack, bare: Process, name: str, path: str, *, count: int
) -> Sequence[Figure]:
    [url], [pid], [gateway] = (
        running.services["tickets"],
        running.pids["tickets"],
        running.pids["gateway"],
    )
    ours, same = [Request(path=f"/api/tickets{path}")], [Request(path=f"/tickets{path}")]
    sides = {
        "ours": Side(url, pid, ours),
        "same": Side(bare.name, bare.pid, same),
        "nothing": Side(bare.name, bare.pid, [Request(path="/nothing")]),
        "gateway": Side(running.gateway, gateway, ours),
    }
    await alternate(sides, rounds=1, count=100, connections=CLIENTS)  # warm everything
    for side in sides.values():
        side.loads.clear()
        side.cpu.clear()
    await alternate(sides, rounds=ROUNDS, count=count, connections=CLIENTS)
    return list(_figures(name, sides))


def _figures(name: str, sides: dict[str, Side]) -> list[Figure]:
    ours, same, nothing, gateway = sides.values()
    clients = f"the clients used {ours.loads[-1].cpu_share:.0%} of a core"

    def figure(what: str, unit: str, value: float, floor: float, **more: Any) -> Figure:
        return Figure(name=f"{name}, {what}", unit=unit, value=value, floor=floor, **more)

    asked = {"target_share": SHARE}
    return [
        figure("CPU of the server", "ms", ours.cpu_ms, same.cpu_ms, **asked),
        figure("rate", "req/s", ours.per_second, same.per_second, **asked, note=clients),
        figure("p50", "ms", ours.percentile_ms(50), same.percentile_ms(50)),
        figure("p99", "ms", ours.percentile_ms(99), same.percentile_ms(99)),
        figure("CPU over a route that does nothing", "ms", ours.cpu_ms, nothing.cpu_ms),
        figure("rate through the gateway", "req/s", gateway.per_second, ours.per_second),
    ]
