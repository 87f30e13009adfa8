"""Load from a process of its own, over bare sockets, so that it is not what is measured.

`python -m bench.load` reads a plan from its standard input and writes what it met. Its own CPU time
is part of that: below 100 % of a core, the server was what there was to wait for.
"""

import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from statistics import quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop
from pydantic import BaseModel
from typing_extensions import override

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Request(BaseModel):
    """One thing to ask."""

    method: str = "GET"
    path: str
    headers: dict[str, str] = {}
    body: str = ""

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "host: bench"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            size = len(self.body.encode())
            lines += ["content-type: application/json", f"content-length: {size}"]
        return "\r\n".join([*lines, "", self.body]).encode()


class Plan(BaseModel):
    """Ask for each of `requests` in turn, from so many connections, until `count` are answered."""

    url: str
    requests: Sequence[Request]
    count: int
    connections: int = 8


class Load(BaseModel):
    """What the clients met."""

    seconds: float
    cpu_seconds: float
    statuses: dict[int, int]
    times_ms: list[float]

    @property
    def per_second(self) -> float:
        """Answers."""
        return len(self.times_ms) / self.seconds

    @property
    def cpu_share(self) -> float:
        """How much of a core the clients used themselves."""
        return self.cpu_seconds / self.seconds

    def percentile_ms(self, percent: int) -> float:
        """From a request to its answer."""
        return quantiles(self.times_ms, n=100, method="inclusive")[percent - 1]


async def load(plan: Plan) -> Load:
    """Have a process of its own carry out the plan."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await child.communicate(plan.model_dump_json().encode())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return Load.model_validate_json(said)


class _Client(asyncio.Protocol):
    def __init__(self, waiting: deque[bytes], statuses: Counter[int], times: list[float]) -> None:
        self._waiting, self._statuses, self._times = waiting, statuses, times
        self._received = b""
        self.is_done = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._ask()

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        if end and len(body) >= _length_in(head):
            self._times.append((time.perf_counter() - self._asked) * 1000)
            self._statuses[int(head[9:12])] += 1
            self._received = b""
            self._ask()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_done.done():
            self.is_done.set_exception(exc or ConnectionError("hung up on"))

    def _ask(self) -> None:
        if not self._waiting:
            self.is_done.set_result(None)
            self._transport.close()
            return
        self._asked = time.perf_counter()
        self._transport.write(self._waiting.popleft())


def _length_in(head: bytes) -> int:
    lower = head.lower()
    begin = lower.find(LENGTH)
    return int(lower[begin + len(LENGTH) :].partition(b"\r\n")[0]) if begin >= 0 else 0


async def _carry_out(plan: Plan) -> Load:
    each = [request.encoded() for request in plan.requests]
    waiting = deque(each[turn % len(each)] for turn in range(plan.count))
    statuses, times = Counter[int](), list[float]()
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(
        *(_ask_on(plan.url, waiting, statuses, times) for _ in range(plan.connections))
    )
    return Load(
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        statuses=dict(statuses),
        times_ms=times,
    )


async def _ask_on(
    url: str, waiting: deque[bytes], statuses: Counter[int], times: list[float]
) -> None:
    door = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        lambda: _Client(waiting, statuses, times), door.hostname or "", door.port or 80
    )
    await client.is_done


if __name__ == "__main__":
    met = uvloop.run(_carry_out(Plan.model_validate_json(sys.stdin.buffer.read())))
    sys.stdout.write(met.model_dump_json())
