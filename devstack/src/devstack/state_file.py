"""The state files of a running stack: addresses, process ids and settings, as JSON."""

import json
from collections import defaultdict
from pathlib import Path

from pydantic import BaseModel

from devstack.plan import Plan, http_url
from devstack.service_settings import variables
from devstack.stack import Stack


class Settings(BaseModel):
    """The settings of the services, secrets included."""

    settings: dict[str, dict[str, str]]


def own_state_file(folder: Path) -> Path:
    """The state file in the data folder, readable by its owner only."""
    return folder / "stack.json"


def write_own_state(plan: Plan, stack: Stack) -> None:
    """Write the public state, and the settings of each service."""
    settings = Settings(settings={service: variables(plan, service) for service in stack.services})
    _write(
        own_state_file(plan.folder), {**_state(plan, stack), **settings.model_dump()}, mode=0o600
    )


def write_state(file: Path, plan: Plan, stack: Stack) -> None:
    """Write addresses and process ids."""
    _write(file, _state(plan, stack), mode=0o666)


def read_settings(state: Path) -> dict[str, dict[str, str]]:
    """The settings of each service; raises FileNotFoundError."""
    return Settings.model_validate_json(state.read_text()).settings


def _write(file: Path, state: dict[str, object], *, mode: int) -> None:
    """Replace the file atomically."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=mode)
    unfinished.write_text(json.dumps(state, indent=2) + "\n")
    unfinished.replace(file)


def _state(plan: Plan, stack: Stack) -> dict[str, object]:
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
    """The process ids of all replicas and members, by service or server."""
    pids: defaultdict[str, list[int]] = defaultdict(list)
    for process in stack.processes:
        pids[process.name.partition("-")[0]].append(process.pid)
    return pids
