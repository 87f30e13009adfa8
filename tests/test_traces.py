"""One trace leads from the browser through outbox and bus into every service that hears of it."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from httpx import AsyncClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typing_extensions import override

from devstack import processes
from devstack.api_client import ApiClient
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import SERVICES, Plan, choose_ports, http_url
from devstack.ports import LOOPBACK
from devstack.process import Process, wait_until_ready
from devstack.running_stack import launch_stack
from devstack.servers import MongoServer, NatsServer
from devstack.testing import TIMEOUT_SECONDS, Session, SignIn, eventually

TRACE, BROWSER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FROM_THE_BROWSER = {"traceparent": f"00-{TRACE}-{BROWSER}-01"}
STARTED = ("tickets", "orders")


@dataclass(frozen=True)
class Span:
    """What a collector is told of a piece of work."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    facts: dict[str, str]

    @property
    def title(self) -> str:
        """As a person sees it."""
        return f"{self.service}: {self.name}"


class Collector:
    """Takes spans by OTLP over HTTP, as any collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.url = http_url(self._server.server_port)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            @override
            def log_message(self, *_: object) -> None:
                """Nothing: the test says what is wrong."""

        return Handler

    def take(self, path: str, request: ExportTraceServiceRequest) -> None:
        """Keep what came."""
        assert path == "/v1/traces"
        for group in request.resource_spans:
            about = {one.key: one.value.string_value for one in group.resource.attributes}
            self.spans += [
                Span(
                    about["service.name"],
                    each.name,
                    each.trace_id.hex(),
                    each.span_id.hex(),
                    each.parent_span_id.hex(),
                    {one.key: one.value.string_value for one in each.attributes},
                )
                for scope in group.scope_spans
                for each in scope.spans
            ]

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def paths(self, trace: str) -> set[str]:
        """Each span of a trace with all that it goes back to."""
        spans = {span.id: span for span in self.spans if span.trace == trace}

        def path(span: Span) -> str:
            if span.parent in spans:
                return f"{path(spans[span.parent])} > {span.title}"
            return f"{span.parent} > {span.title}"

        return {path(span) for span in spans.values()}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where traces are sent."""
    collector = Collector()
    yield collector
    collector.close()


MakeServices = Callable[..., dict[str, Process]]


@pytest.fixture
def make_services(
    tmp_path: Path,
    mongod: MongoServer,
    nats_server: NatsServer,
    nats_url: str,  # noqa: ARG001 - nothing is left on the bus
    jwt_keys: KeyPair,
) -> Iterator[MakeServices]:
    """Starts two services as the launcher would, with some variables more."""
    ports = replace(choose_ports(0, {}), mongod=mongod.port, nats=nats_server.port)
    plan = Plan(tmp_path, ports, StackSecrets(jwt_keys, "secret"))
    mongod.ensure_running()
    made: dict[str, Process] = {}

    def make(**variables: str) -> dict[str, Process]:
        for name in STARTED:
            program = processes.replicas(plan, name)[0].program
            made[name] = Process(replace(program, variables={**program.variables, **variables}))
            made[name].spawn()
        wait_until_ready(list(made.values()), TIMEOUT_SECONDS)
        return made

    yield make
    for name, process in made.items():
        process.kill()
        mongod.drop(name)


def door(process: Process) -> AsyncClient:
    """A browser right before a process."""
    command = process.program.command
    return AsyncClient(base_url=http_url(int(command[command.index("--port") + 1])), timeout=15)


def lines(process: Process, *parts: str) -> list[str]:
    """What a process has logged, as far as all these parts are in it."""
    said = process.program.log.read_text().splitlines()
    return [line for line in said if all(part in line for part in parts)]


async def sell(services: dict[str, Process], person: Session) -> str:
    """List a ticket and order it, in the browser's trace; the order's id once it is confirmed."""
    async with door(services["tickets"]) as tickets, door(services["orders"]) as orders:
        headers = person.headers | FROM_THE_BROWSER
        ticket = {"title": "Opera", "price": 20}
        listed = await tickets.post("/api/tickets", json=ticket, headers=person.headers)
        body = {"ticketId": listed.json()["id"]}
        placed = await orders.post("/api/orders", json=body, headers=headers)
        order_id = str(placed.json()["id"])

        async def confirmed() -> bool:
            answer = await orders.get(f"/api/orders/{order_id}", headers=person.headers)
            return bool(answer.json()["status"] == "awaiting:payment")

        await eventually(confirmed, "the reservation is confirmed")
        return order_id


async def test_sale_is_one_trace_across_the_bus(
    make_services: MakeServices, collector: Collector, sign_in: SignIn
) -> None:
    services = make_services(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="50"
    )
    await sell(services, sign_in())
    request = f"{BROWSER} > orders: POST /api/orders"
    created = f"{request} > orders: send order:created"
    held = f"{created} > tickets: process order:created"
    updated = f"{held} > tickets: send ticket:updated"
    confirmed = f"{updated} > orders: process ticket:updated"
    wanted = {request, created, held, updated, confirmed}
    wanted.add(f"{confirmed} > orders: send order:awaiting-payment")

    async def complete() -> bool:
        paths = collector.paths(TRACE)  # a span may be exported before the one it goes back to
        return wanted <= paths and all(path.startswith(request) for path in paths)

    await eventually(complete, f"{wanted} in {collector.paths(TRACE)}")
    [served] = [span for span in collector.spans if span.title == "orders: POST /api/orders"]
    assert served.facts["http.route"] == "/api/orders"


async def test_logs_and_spans_have_the_same_trace(
    make_services: MakeServices, collector: Collector, sign_in: SignIn
) -> None:
    """What is not begun by a browser has a trace, too, and both say the same one."""
    services = make_services(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="50", LOG_FORMAT="json"
    )
    person = sign_in()
    async with door(services["tickets"]) as tickets:
        await tickets.get("/api/tickets", headers=person.headers)
    services["tickets"].stop(TIMEOUT_SECONDS)  # it exports the rest with its last breath
    spans = [span for span in collector.spans if span.title == "tickets: GET /api/tickets"]
    assert [span.parent for span in spans] == [""]
    assert f'"trace_id": "{spans[0].trace}"' in services["tickets"].program.log.read_text()


@pytest.mark.usefixtures("processes")
async def test_the_launchers_environment_gives_spans_of_all_services(
    tmp_path: Path, collector: Collector
) -> None:
    to_here = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with launch_stack(tmp_path, "--quiet", **to_here) as stack:
        async with AsyncClient(base_url=stack.gateway, timeout=15) as browser:
            person = await ApiClient(browser).sign_up()
            await person.order(await person.list_ticket())

            async def all_told() -> bool:
                return {span.service for span in collector.spans} == set(SERVICES)

            await eventually(all_told, "spans of all services")


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
async def test_the_standard_variables_switch_it_off(
    make_services: MakeServices, collector: Collector, sign_in: SignIn, off: dict[str, str]
) -> None:
    services, person = make_services(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **off), sign_in()
    order_id = await sell(services, person)
    for process in services.values():
        process.stop(TIMEOUT_SECONDS)
    assert collector.spans == []
    [placed] = lines(services["orders"], "POST /api/orders 201")
    [shown, *_] = lines(services["orders"], f"GET /api/orders/{order_id} 200")
    [held] = lines(services["tickets"], "event handled", "subject=order:created")
    for wanted in (f"trace_id={TRACE}", f"user_id={person.id}", f"order_id={order_id}"):
        assert wanted in placed
    assert f"order_id={order_id}" in shown
    assert f"trace_id={TRACE}" in held
    assert f"aggregate_id={order_id}" in held
    for line in (placed, shown, held):
        assert "duration_ms=" in line


async def test_a_collector_that_is_away_disturbs_nobody(
    make_services: MakeServices, collector: Collector, sign_in: SignIn
) -> None:
    collector.close()
    services = make_services(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        OTEL_BSP_SCHEDULE_DELAY="50",
    )
    await sell(services, sign_in())

    async def said() -> bool:
        return bool(lines(services["orders"], "WARNING", "spans are lost"))

    await eventually(said, "what is lost is in the log")
    for process in services.values():
        process.stop(TIMEOUT_SECONDS)
        assert process.exit_code == 0
        assert lines(process, "ERROR") == []


def test_nothing_is_imported_for_what_is_off() -> None:
    started = "import sys, orders.main; print([n for n in sys.modules if 'opentelemetry.sdk' in n])"
    said = subprocess.run(  # noqa: S603 (the command is ours)
        [sys.executable, "-c", started], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
