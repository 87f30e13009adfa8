"""The processes of a stack: the command that starts each one, and its settings."""

import sys

from common.shutdown import REQUESTS_SECONDS
from common.web.head_limit import KEEP_ALIVE_SECONDS
from devstack import clock_skew
from devstack.gateway.caddy import gateway_program
from devstack.plan import Plan
from devstack.ports import LOOPBACK
from devstack.probes import answers_ok
from devstack.process import Process, Program
from devstack.sandbox.program import sandbox_process
from devstack.servers import MongoServer, NatsServer
from devstack.service_settings import variables


def databases(plan: Plan) -> list[Process]:
    """MongoDB and NATS."""
    ports = plan.ports
    if ports.members:
        return ports.members.processes(plan.folder, plan.logs)
    nats = (ports.nats, ports.nats_monitor)
    plan.nats_config.touch()
    return [
        MongoServer(plan.folder / "mongod", plan.logs / "mongod.log", ports.mongod),
        NatsServer(plan.folder / "nats", plan.logs / "nats.log", nats, plan.nats_config),
    ]


def sandbox(plan: Plan) -> Process:
    """The Stripe sandbox; its ledger survives a restart."""
    return sandbox_process(
        plan.ports.sandbox,
        f"{plan.gateway_url}/api/payments/webhook",
        plan.secrets.webhook_secret,
        plan.logs / "sandbox.log",
        plan.folder / "sandbox-ledger.json",
    )


def topology(plan: Plan) -> Process:
    """The process that declares streams and consumers, and restores deleted ones."""
    command = (sys.executable, "-m", "common.topology", "keep")
    log = plan.logs / "topology.log"
    return Process(Program("topology", command, log, lambda: True, variables(plan, "topology")))


def replicas(plan: Plan, service: str) -> list[Process]:
    """All processes of one service, numbered when there are several."""
    ports = plan.ports.services[service]
    names = [f"{service}-{n}" for n in range(1, len(ports) + 1)] if len(ports) > 1 else [service]
    return [_replica(plan, service, *each) for each in zip(names, ports, strict=True)]


def gateway(plan: Plan) -> Process:
    """The gateway in front of all services."""
    ports = plan.ports
    folder = plan.folder / "gateway"
    program = gateway_program(
        ports.gateway, ports.services, folder, plan.logs, stripe=plan.sandbox_url
    )
    return Process(program)


def _replica(plan: Plan, service: str, name: str, port: int) -> Process:
    command = (
        *(sys.executable, "-m", "uvicorn", f"{service}.main:create_app", "--factory"),
        *("--host", LOOPBACK, "--port", str(port), "--no-access-log"),
        *("--timeout-graceful-shutdown", str(REQUESTS_SECONDS)),
        *("--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)),
        *("--loop", "uvloop", "--http", "common.web.head_limit:HeadLimitProtocol"),
    )
    log, probe = plan.logs / f"{name}.log", answers_ok(port, "/readyz")
    wrong = clock_skew.by(plan.clocks[name]) if name in plan.clocks else {}
    return Process(Program(name, command, log, probe, {**variables(plan, service), **wrong}))
