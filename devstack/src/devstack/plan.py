"""Everything about a stack that is decided before any of it is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from devstack import replica_set
from devstack.keys import StackSecrets
from devstack.members import Members, choose_member_ports
from devstack.ports import LOOPBACK, free_ports

SERVICES: Final = ("auth", "tickets", "orders", "expiration", "payments")


@dataclass(frozen=True)
class Ports:
    """Where everything listens, always on loopback."""

    gateway: int
    sandbox: int
    mongod: int
    nats: int
    nats_monitor: int
    services: Mapping[str, tuple[int, ...]]
    members: Members | None = None
    """Instead of one mongod and one NATS server."""


@dataclass(frozen=True)
class Plan:
    """One stack: its folder, its ports, its secrets, and what a person chose for which service."""

    folder: Path
    ports: Ports
    secrets: StackSecrets
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clocks: Mapping[str, float] = field(default_factory=dict)
    """By how many seconds the clocks of replicas are ahead."""

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.folder / "logs"

    @property
    def nats_config(self) -> Path:
        """Where a person may set what is NATS' own, such as its limits (read again at SIGHUP)."""
        return self.folder / "nats.conf"

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
        members = self.ports.members
        return members.nats_url if members else f"nats://{LOOPBACK}:{self.ports.nats}"

    @property
    def stream_replicas(self) -> int:
        """How many servers of NATS keep each stream."""
        return len(self.ports.members.nats) if self.ports.members else 1

    def mongo_uri(self, service: str) -> str:
        """The database of one service."""
        members = self.ports.members
        return replica_set.uri(members.seats if members else (self.ports.mongod,), service)


def http_url(port: int) -> str:
    """The address of an HTTP server on this machine."""
    return f"http://{LOOPBACK}:{port}"


def choose_ports(gateway: int, replicas: Mapping[str, int], members: int = 1) -> Ports:
    """Free ports for everything; any for the gateway, too, when `gateway` is 0."""
    counts = {service: replicas.get(service, 1) for service in SERVICES}
    free = iter(free_ports(5 + sum(counts.values())))
    services = {service: tuple(islice(free, count)) for service, count in counts.items()}
    sandbox, mongod, nats, nats_monitor, any_port = free
    several = choose_member_ports() if members > 1 else None
    return Ports(gateway or any_port, sandbox, mongod, nats, nats_monitor, services, several)
