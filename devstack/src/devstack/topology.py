"""What runs on one machine: every process, the command that starts it, and its settings."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devstack import replica_set
from devstack.keys import StackSecrets
from devstack.ports import LOOPBACK, free_ports
from devstack.probes import answers_ok
from devstack.process import Program

SERVICES: Final = ("auth", "tickets", "orders", "expiration", "payments")

# Of the 10 s in which a stack stops, the requests in flight get the most.
DRAIN_SECONDS: Final = 8


@dataclass(frozen=True)
class Ports:
    """Where everything listens, always on loopback."""

    gateway: int
    sandbox: int
    mongod: int
    nats: int
    nats_monitor: int
    services: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Plan:
    """All that has to be decided before anything is started."""

    folder: Path
    ports: Ports
    secrets: StackSecrets
    window_seconds: int

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.folder / "logs"

    @property
    def gateway_url(self) -> str:
        """The one address to open."""
        return http_url(self.ports.gateway)

    @property
    def sandbox_url(self) -> str:
        """Where the Stripe sandbox answers."""
        return http_url(self.ports.sandbox)

    @property
    def nats_url(self) -> str:
        """Where NATS clients connect."""
        return f"nats://{LOOPBACK}:{self.ports.nats}"


def http_url(port: int) -> str:
    """The address of an HTTP server on this machine."""
    return f"http://{LOOPBACK}:{port}"


def mongo_uri(plan: Plan, service: str) -> str:
    """The database of one service."""
    return f"mongodb://{LOOPBACK}:{plan.ports.mongod}/{service}?replicaSet={replica_set.NAME}"


def choose_ports(gateway: int, replicas: Mapping[str, int]) -> Ports:
    """Free ports for everything; `gateway` 0 means that one, too, may be any."""
    wanted = {service: replicas.get(service, 1) for service in SERVICES}
    free = iter(free_ports(5 + sum(wanted.values())))
    services = {service: tuple(_take(free, count)) for service, count in wanted.items()}
    return Ports(gateway or next(free), *_take(free, 4), services=services)


def _take(ports: Iterable[int], count: int) -> Iterable[int]:
    return [port for port, _ in zip(ports, range(count), strict=False)]
