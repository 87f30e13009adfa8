"""What it costs to count, log and trace: CPU for each request and each event of one replica."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fastapi import FastAPI
from typing_extensions import override

from bench.alone import Alone, alone
from bench.figures import Figure
from bench.load import Plan, Request, load
from common import metrics
from devstack.plan import http_url
from devstack.ports import LOOPBACK
from devstack.process import Process
from devstack.testing import new_session
from devstack.ticket_history import TicketHistory
from orders.main import create_app

REQUESTS, EVENTS, WARM_UP = 2_000, 10_000, 300
ROUNDS = 3
QUIET = {"LOG_LEVEL": "ERROR", "LOG_FORMAT": "json"}
TARGET_SHARE = 0.8
"""Metrics and logs together, which everybody has, shall leave four fifths for the work itself."""


@dataclass(frozen=True)
class Variant:
    """A way to run the service."""

    name: str
    app: str
    variables: Mapping[str, str]


async def measure() -> Sequence[Figure]:
    """The same work by replicas that tell nothing, and more and more; the best of some rounds."""
    with _collector() as collector:
        async with alone("orders") as orders:
            [replica] = orders.replicas
            variants = _variants(collector)
            best = {variant.name: (float("inf"), float("inf")) for variant in variants}
            for variant in variants * ROUNDS:
                orders.replicas = [_varied(replica, variant)]
                costs = zip(await _costs(orders), best[variant.name], strict=True)
                request, event = map(min, costs)
                best[variant.name] = (request, event)
    nothing = best.pop("nothing")
    return [
        Figure(
            name=f"{what} that tells by {name}",
            value=cost[number],
            floor=nothing[number],
            unit="us of CPU",
            target_share=None if "traces" in name else TARGET_SHARE,
        )
        for number, what in enumerate(("a request", "an event"))
        for name, cost in best.items()
    ]


def _variants(collector: str) -> list[Variant]:
    ours, traced = "orders.main:create_app", {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    return [
        Variant("nothing", "bench.telemetry:create_silent_app", QUIET),
        Variant("metrics", ours, QUIET),
        Variant("metrics and logs", ours, QUIET | {"LOG_LEVEL": "INFO"}),
        Variant("metrics, logs and traces", ours, QUIET | {"LOG_LEVEL": "INFO"} | traced),
    ]


def create_silent_app() -> FastAPI:
    """The orders service, counting nothing."""
    for counting in ("count_request", "count_processed"):
        setattr(metrics, counting, lambda *_: None)
    return create_app()


async def _costs(orders: Alone) -> tuple[float, float]:
    """Microseconds of CPU for a request, and for an event."""
    await orders.start()
    await _ask(orders, WARM_UP)
    before = orders.cpu_seconds()
    await _ask(orders, REQUESTS)
    between = orders.cpu_seconds()
    await orders.publish([TicketHistory().event(0) for _ in range(EVENTS)])
    await orders.wait_all_acked()
    after = orders.cpu_seconds()
    orders.stop()
    return (between - before) / REQUESTS * 1e6, (after - between) / EVENTS * 1e6


def _varied(replica: Process, variant: Variant) -> Process:
    program = replica.program
    command = [variant.app if "create_app" in part else part for part in program.command]
    variables = {**program.variables, **variant.variables}
    return Process(replace(program, command=tuple(command), variables=variables))


async def _ask(orders: Alone, count: int) -> None:
    person = new_session(orders.plan.secrets.session_keys)
    [port] = orders.plan.ports.services["orders"]
    request = Request(path="/api/orders", headers=person.headers)
    met = await load(Plan(url=http_url(port), requests=[request], count=count))
    if met.statuses != {200: count}:
        raise RuntimeError(f"answers were {met.statuses}")


class _Sink(BaseHTTPRequestHandler):
    """A collector that throws everything away."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _collector() -> Iterator[str]:
    """Where it listens, for as long as the block."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield http_url(server.server_port)
    server.shutdown()
    server.server_close()
