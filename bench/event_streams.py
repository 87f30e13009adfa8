"""What 1,000 open event streams cost one replica, and how soon an event is on another screen."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from httpx import AsyncClient

from bench.figures import Figure
from bench.processes import cpu_ms, memory_mb
from bench.stacks import stack
from devstack.api_client import ApiClient
from devstack.event_source import open_event_source
from devstack.running_stack import RunningStack

STREAMS = 1_000
CONCURRENCY = 50
REQUESTS, CLIENTS, ROUNDS = 1_000, 8, 4
ORDERS = 60
EVENTS = "/api/tickets/events"


class Screen:
    """An SSE client over a bare socket: a thousand of them do not distort the measurement."""

    def __init__(self) -> None:
        self.arrival = 0.0
        self._heard = asyncio.Event()

    async def open(self, url: str) -> None:
        """Request the stream and wait until it is open."""
        parts = urlsplit(url)
        reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
        self._writer.write(f"GET {EVENTS} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        await reader.readuntil(b"retry: ")
        self._task = asyncio.create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            await reader.readuntil(b"event: ticket")
            self.arrival = time.perf_counter()
            self._heard.set()

    async def wait_for(self) -> float:
        """When the next ticket arrived."""
        await self._heard.wait()
        self._heard.clear()
        return self.arrival

    async def close(self) -> None:
        """Leave."""
        self._task.cancel()
        self._writer.close()


async def request_ms(url: str, path: str, pid: int) -> tuple[float, float]:
    """Many small requests from a few clients: the median by the clock, the mean by the CPU."""
    before = cpu_ms(pid)
    async with AsyncClient(base_url=url, timeout=30) as client:

        async def ask_often() -> list[float]:
            return [await timed(lambda: client.get(path)) for _ in range(REQUESTS // CLIENTS)]

        found = await asyncio.gather(*(ask_often() for _ in range(CLIENTS)))
    return statistics.median(ms for one in found for ms in one), (cpu_ms(pid) - before) / REQUESTS


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """How long it takes, in ms."""
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * 1000


async def open_screens(url: str) -> list[Screen]:
    """All of them, some at a time."""
    screens = [Screen() for _ in range(STREAMS)]
    for begin in range(0, STREAMS, CONCURRENCY):
        await asyncio.gather(*(screen.open(url) for screen in screens[begin : begin + CONCURRENCY]))
    return screens


async def fan_out_ms(seller: ApiClient, screens: Sequence[Screen]) -> tuple[float, float]:
    """From the press of a button to the first and to the last screen."""
    begun = time.perf_counter()
    await seller.list_ticket()
    arrivals = [await screen.wait_for() for screen in screens]
    return (min(arrivals) - begun) * 1000, (max(arrivals) - begun) * 1000


async def latency_ms(stack: RunningStack, seller: ApiClient, buyer: ApiClient) -> list[float]:
    """From the press of Purchase to "held" on a screen, both through the gateway."""
    latencies = []
    async with (
        AsyncClient(base_url=stack.gateway) as client,
        open_event_source(client, EVENTS) as screen,
    ):
        for count in range(ORDERS):
            ticket = await seller.list_ticket()
            await screen.wait_for(2 * count + 1)
            begun = time.perf_counter()
            await buyer.order(ticket)
            while len(screen.events) < 2 * count + 2:  # noqa: ASYNC110 - as soon as it is there
                await asyncio.sleep(0.001)
            latencies.append((time.perf_counter() - begun) * 1000)
    return latencies


async def measure() -> list[Figure]:
    """All of it on one stack."""
    with stack() as running:
        return await _measure(running)


async def _measure(stack: RunningStack) -> list[Figure]:
    async with AsyncExitStack() as opened:
        seller, buyer = [
            await ApiClient(
                await opened.enter_async_context(AsyncClient(base_url=stack.gateway, timeout=30))
            ).sign_up()
            for _ in range(2)
        ]
        latencies = await latency_ms(stack, seller, buyer)
        seen = "order placed to seen elsewhere"
        return [
            *await _cost(stack, seller),
            Figure(name=f"{seen}, p50", value=statistics.median(latencies), unit="ms"),
            Figure(name=f"{seen}, p95", value=_quantile(latencies, 95), unit="ms"),
        ]


async def _cost(stack: RunningStack, seller: ApiClient) -> list[Figure]:
    [url], [pid] = stack.services["tickets"], stack.now().pids["tickets"]
    path = f"/api/tickets/{await seller.list_ticket()}"
    await request_ms(url, path, pid)
    alone, beside, memory, fans = [], [], [], []
    for _ in range(ROUNDS):
        alone.append(await request_ms(url, path, pid))
        before = memory_mb(pid)
        screens = await open_screens(url)
        memory.append(memory_mb(pid) - before)
        beside.append(await request_ms(url, path, pid))
        fans.append(await fan_out_ms(seller, screens))
        await asyncio.gather(*(screen.close() for screen in screens))
        await asyncio.sleep(1)
    first, last = (statistics.median(each) for each in zip(*fans, strict=True))
    (quick, light), (slow, heavy) = (map(min, zip(*each, strict=True)) for each in (alone, beside))
    beside_them = f"beside {STREAMS} open streams"
    return [
        Figure(name=f"memory of {STREAMS} streams, the first time", value=memory[0], unit="MB"),
        Figure(name=f"a request {beside_them}, by the clock", value=slow, unit="ms", floor=quick),
        Figure(name=f"a request {beside_them}, by the CPU", value=heavy, unit="ms", floor=light),
        Figure(name="ticket listed to first screen", value=first, unit="ms"),
        Figure(name=f"ticket listed to all {STREAMS}", value=last, unit="ms"),
    ]


def _quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
