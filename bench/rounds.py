"""Several servers under the same load in turn (A B A B ...), so that a noisy machine is fair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.load import Load, Plan, Request, load
from bench.processes import cpu_ms


@dataclass
class Side:
    """One server, what to ask of it, and how it did in each round."""

    url: str
    pid: int
    requests: Sequence[Request]
    loads: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers, in the median round."""
        return median(each.per_second for each in self.loads)

    @property
    def cpu_ms(self) -> float:
        """What one request costs the server, in the median round."""
        return median(self.cpu)

    def percentile_ms(self, percent: int) -> float:
        """From a request to its answer, in the median round."""
        return median(each.percentile_ms(percent) for each in self.loads)


async def alternate(
    sides: Mapping[str, Side], *, rounds: int, count: int, connections: int, status: int = 200
) -> None:
    """Ask all sides in each round; every answer must have the status."""
    for _ in range(rounds):
        for side in sides.values():
            await _ask(side, count, connections, status)


async def _ask(side: Side, count: int, connections: int, status: int) -> None:
    begin = len(side.loads) * count % len(side.requests)
    requests = [*side.requests[begin:], *side.requests[:begin]]
    before = cpu_ms(side.pid)
    met = await load(
        Plan(url=side.url, requests=requests[:count], count=count, connections=connections)
    )
    side.cpu.append((cpu_ms(side.pid) - before) / count)
    side.loads.append(met)
    assert met.statuses == {status: count}, met.statuses
