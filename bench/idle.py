"""What services use while nobody wants anything of them."""

import asyncio
from collections.abc import Sequence

from bench.figures import Figure
from bench.processes import cpu_ms, memory_mb
from bench.stacks import stack
from devstack.running_stack import RunningStack

SETTLE_SECONDS, SECONDS = 5, 30
CPU_TARGET, MEMORY_TARGET = 1.0, 90.0


async def measure() -> Sequence[Figure]:
    """The share of a core and the memory of each service, one replica each."""
    with stack() as running:
        await asyncio.sleep(SETTLE_SECONDS)
        before = _used(running)
        await asyncio.sleep(SECONDS)
        after = _used(running)
        memory = {
            service: memory_mb(pid)
            for service, [pid] in running.pids.items()
            if service in running.services
        }
    return [
        *(
            Figure(
                name=f"{service}, of a core",
                value=(after[service] - before[service]) / SECONDS / 10,
                unit="%",
                target=CPU_TARGET,
            )
            for service in after
        ),
        *(
            Figure(name=f"{service}, memory", value=mb, unit="MB", target=MEMORY_TARGET)
            for service, mb in memory.items()
        ),
    ]


def _used(running: RunningStack) -> dict[str, float]:
    return {service: cpu_ms(running.pids[service][0]) for service in running.services}
