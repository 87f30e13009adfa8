"""What people notice while the state of everything is said once more."""

import asyncio
import sys
import time
from statistics import median, quantiles

from httpx import AsyncClient

from bench import seed
from bench.effects import effect_times
from bench.figures import Figure
from bench.stacks import settled, stack
from devstack.api_client import ApiClient
from devstack.running_stack import RunningStack

TICKETS = 25_000
TURNS = 100
HELD = "order -> held"


async def measure() -> list[Figure]:
    """Listing, ordering and paying without it, beside it, and without it again."""
    with stack("--window", "3600") as running:
        await seed.offer(running, TICKETS)
        await settled(running)
        async with AsyncClient(base_url=running.gateway, timeout=30) as client:
            person = await ApiClient(client).sign_up()
            before = await effect_times(running, person, lambda turn: turn < TURNS)
            beside, seconds = await _beside(running, person)
            await settled(running)
            after = await effect_times(running, person, lambda turn: turn < TURNS)
    without = before[HELD] + after[HELD]
    note = f"{len(beside[HELD])} beside it, {len(without)} without, none refused"
    return [
        Figure(name="republish of 25,000 tickets beside people", value=seconds, unit="s"),
        Figure(
            name=f"{HELD} beside it, p50",
            value=median(beside[HELD]),
            unit="ms",
            floor=median(without),
        ),
        Figure(
            name=f"{HELD} beside it, p99",
            value=_p99(beside[HELD]),
            unit="ms",
            floor=_p99(without),
            target_share=0.5,
            note=note,
        ),
        Figure(
            name="pay -> complete beside it, p99",
            value=_p99(beside["pay -> complete"]),
            unit="ms",
            floor=_p99(before["pay -> complete"] + after["pay -> complete"]),
        ),
    ]


async def _beside(running: RunningStack, person: ApiClient) -> tuple[dict[str, list[float]], float]:
    """The times of people from its begin to its end; an order that is refused raises."""
    began = time.perf_counter()
    own = ("-m", "devstack", "exec", "--data", str(running.logs.parent), "tickets")
    republish = (sys.executable, "-m", "tickets", "republish")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *own, *republish, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        times = await effect_times(running, person, lambda _: process.returncode is None)
        assert await process.wait() == 0, "republish failed"
    finally:
        if process.returncode is None:
            process.kill()
    return times, time.perf_counter() - began


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]
