"""The plan of a stack: everything that is decided before it starts."""

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
    """The ports, always on loopback."""

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
    """One stack: its folder, ports, secrets, and overrides of settings."""

    folder: Path
    ports: Ports
    secrets: StackSecrets
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clocks: Mapping[str, float] = field(default_factory=dict)
    """The clock skew of replicas, in seconds."""

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self.folder / "logs"

    @property
    def nats_config(self) -> Path:
        """A configuration file for NATS' own options, such as limits (reloaded at SIGHUP)."""
        return self.folder / "nats.conf"

    @property
    def gateway_url(self) -> str:
        """The address of the gateway."""
        return http_url(self.ports.gateway)

    @property
    def sandbox_url(self) -> str:
        """The address of the Stripe sandbox."""
        return http_url(self.ports.sandbox)

    @property
    def nats_url(self) -> str:
        """The address of NATS for clients."""
        members = self.ports.members
        return members.nats_url if members else f"nats://{LOOPBACK}:{self.ports.nats}"

    @property
    def stream_replicas(self) -> int:
        """The number of replicas of each stream."""
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
