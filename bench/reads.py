"""The two reads that everybody does, against the same Motor query in a bare route."""

import tempfile
from pathlib import Path

from bench import seed
from bench.figures import Figure
from bench.floor import floor
from bench.load import Request
from bench.rounds import Side, alternate, compared
from bench.stacks import stack
from devstack.process import Process
from devstack.running_stack import RunningStack

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
        tickets = [f"/{each}" for each in await seed.offer(running, TICKETS)]
        return [
            *await _compare(running, bare, "GET /api/tickets (50 of them)", [""], count=300),
            *await _compare(running, bare, "GET /api/tickets/{id}", tickets, count=1_000),
        ]


async def _compare(
    running: RunningStack, bare: Process, name: str, paths: list[str], *, count: int
) -> list[Figure]:
    [url], [pid] = running.services["tickets"], running.pids["tickets"]
    [gateway] = running.pids["gateway"]
    ours = [Request(path=f"/api/tickets{path}") for path in paths]
    same = [Request(path=f"/tickets{path}") for path in paths]
    sides = [
        Side(url, pid, ours),
        Side(bare.name, bare.pid, same),
        Side(bare.name, bare.pid, [Request(path="/nothing")]),
        Side(running.gateway, gateway, ours),
    ]
    await alternate(sides, rounds=1, count=100, connections=CLIENTS)
    for side in sides:
        side.forget()
    await alternate(sides, rounds=ROUNDS, count=count, connections=CLIENTS)
    lone = [Side(url, pid, ours), Side(bare.name, bare.pid, same)]
    await alternate(lone, rounds=ROUNDS, count=count, connections=1)
    return [*_figures(name, *sides), *_figures_alone(name, *lone)]


def _figures(name: str, ours: Side, same: Side, nothing: Side, gateway: Side) -> list[Figure]:
    return [
        *compared(name, ours, same, share=SHARE, cpu="CPU of the server"),
        Figure(
            name=f"{name}, CPU over a route that does nothing",
            unit="ms",
            value=ours.cpu_ms,
            floor=nothing.cpu_ms,
        ),
        Figure(
            name=f"{name}, rate through the gateway",
            unit="req/s",
            value=gateway.per_second,
            floor=ours.per_second,
        ),
    ]


def _figures_alone(name: str, ours: Side, same: Side) -> list[Figure]:
    """With nobody to share an operation with: what is ours alone shows here."""
    name = f"{name}, one client"
    return [
        Figure(name=f"{name}, CPU", value=ours.cpu_ms, unit="ms", floor=same.cpu_ms),
        Figure(
            name=f"{name}, p50",
            value=ours.percentile_ms(50),
            unit="ms",
            floor=same.percentile_ms(50),
        ),
    ]
