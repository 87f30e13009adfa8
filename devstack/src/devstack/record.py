"""The file that tells tests, benches and people where everything of a running stack is."""

import json
from pathlib import Path

from devstack.plan import Plan, http_url
from devstack.stack import Stack


def write_record(file: Path, plan: Plan, stack: Stack) -> None:
    """Write or replace the file in one step, so that nobody reads half of it."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.write_text(json.dumps(_record(plan, stack), indent=2) + "\n")
    unfinished.replace(file)


def _record(plan: Plan, stack: Stack) -> dict[str, object]:
    services = plan.ports.services
    return {
        "gateway": plan.gateway_url,
        "sandbox": plan.sandbox_url,
        "nats": plan.nats_url,
        "services": {name: [http_url(port) for port in ports] for name, ports in services.items()},
        "mongo": {name: plan.mongo_uri(name) for name in services},
        "pids": _pids(stack),
        "logs": str(plan.logs),
    }


def _pids(stack: Stack) -> dict[str, list[int]]:
    alone = [*stack.databases, stack.sandbox, stack.gateway]
    several = {
        name: [replica.pid for replica in replicas] for name, replicas in stack.services.items()
    }
    return several | {process.name: [process.pid] for process in alone}
