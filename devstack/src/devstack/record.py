"""The files that tell tests, benches and people where everything of a running stack is."""

import json
from collections import defaultdict
from pathlib import Path

from pydantic import BaseModel

from devstack.plan import Plan, http_url
from devstack.service_settings import variables
from devstack.stack import Stack


class Settings(BaseModel):
    """What the services of a running stack were started with, secrets included."""

    settings: dict[str, dict[str, str]]


def own_record(folder: Path) -> Path:
    """Where a stack keeps its own record, which only its owner may read."""
    return folder / "stack.json"


def write_own_record(plan: Plan, stack: Stack) -> None:
    """Everything that others may know, and the settings of each service."""
    settings = Settings(settings={service: variables(plan, service) for service in stack.services})
    _write(own_record(plan.folder), {**_record(plan, stack), **settings.model_dump()}, mode=0o600)


def write_record(file: Path, plan: Plan, stack: Stack) -> None:
    """Addresses and process ids."""
    _write(file, _record(plan, stack), mode=0o666)


def settings_in(record: Path) -> dict[str, dict[str, str]]:
    """The settings of each service; raises FileNotFoundError."""
    return Settings.model_validate_json(record.read_text()).settings


def _write(file: Path, record: dict[str, object], *, mode: int) -> None:
    """Write or replace the file in one step, so that nobody reads half of it."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=mode)
    unfinished.write_text(json.dumps(record, indent=2) + "\n")
    unfinished.replace(file)


def _record(plan: Plan, stack: Stack) -> dict[str, object]:
    services = plan.ports.services
    return {
        "gateway": plan.gateway_url,
        "sandbox": plan.sandbox_url,
        "nats": plan.nats_url,
        "wires": plan.ports.members and plan.ports.members.control,
        "services": {name: [http_url(port) for port in ports] for name, ports in services.items()},
        "mongo": {name: plan.mongo_uri(name) for name in services},
        "pids": _pids(stack),
        "logs": str(plan.logs),
    }


def _pids(stack: Stack) -> dict[str, list[int]]:
    """Of all replicas and members, by what they are of."""
    pids: defaultdict[str, list[int]] = defaultdict(list)
    for process in stack.processes:
        pids[process.name.partition("-")[0]].append(process.pid)
    return pids
