"""Several servers under the same load in turn (A B A B ...), so that a noisy machine is fair."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.figures import Figure
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
    _asked: int = 0

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

    def forget(self) -> None:
        """Those rounds were to warm it."""
        self.loads.clear()
        self.cpu.clear()

    def next(self, count: int) -> list[Request]:
        """The requests of a round: each one once, then from the beginning again."""
        begin, self._asked = self._asked, self._asked + count
        return [self.requests[n % len(self.requests)] for n in range(begin, self._asked)]


async def alternate(
    sides: Sequence[Side], *, rounds: int, count: int, connections: int, status: int = 200
) -> None:
    """Ask all sides in each round; every answer must have the status."""
    for _ in range(rounds):
        for side in sides:
            before = cpu_ms(side.pid)
            requests = side.next(count)
            met = await load(
                Plan(url=side.url, requests=requests, count=count, connections=connections)
            )
            side.cpu.append((cpu_ms(side.pid) - before) / count)
            side.loads.append(met)
            assert met.statuses == {status: count}, met.statuses


def compared(name: str, ours: Side, same: Side, *, share: float, cpu: str) -> list[Figure]:
    """What one side costs and how fast it is beside the other, its floor; `cpu` says whose that is.

    So large a share of the floor is asked of the CPU and of the rate.
    """
    clients = f"the clients used {ours.loads[-1].cpu_share:.0%} of a core"

    def figure(what: str, unit: str, value: float, floor: float, asked: float | None) -> Figure:
        return Figure(
            name=f"{name}, {what}", unit=unit, value=value, floor=floor, target_share=asked
        )

    rate = figure("rate", "req/s", ours.per_second, same.per_second, share)
    return [
        figure(cpu, "ms", ours.cpu_ms, same.cpu_ms, share),
        rate.model_copy(update={"note": clients}),
        figure("p50", "ms", ours.percentile_ms(50), same.percentile_ms(50), None),
        figure("p99", "ms", ours.percentile_ms(99), same.percentile_ms(99), None),
    ]
