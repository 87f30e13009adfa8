"""Three members of MongoDB's set and of NATS' cluster, and the wires between all of them."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Final

from devstack.ports import LOOPBACK, free_ports, is_free
from devstack.process import Process, Program
from devstack.servers import Membership, MongoServer, NatsServer
from devstack.wires.links import CLIENT
from devstack.wires.wiring import Wire, Wiring

COUNT: Final = 3
NUMBERS: Final = range(1, COUNT + 1)
PAIRS: Final = tuple(permutations(NUMBERS, 2))
NOWHERE: Final = f"{LOOPBACK}:1"
"""What a NATS server tells others about its cluster's port: they are to use the wires."""

MONGOD_OPTIONS: Final = (
    *("--setParameter", "enableTestCommands=1"),  # members say who they are when they connect
    *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
)


@dataclass(frozen=True)
class MongodPorts:
    """Where a mongod listens, and its seat: the wire by which everybody else reaches it."""

    own: int
    seat: int


@dataclass(frozen=True)
class NatsPorts:
    """Where a NATS server listens: for clients (and the wire they take), probes and the others."""

    own: int
    seat: int
    monitor: int
    cluster: int


@dataclass(frozen=True)
class Members:
    """Three of each; `routes` are the wires between two servers of NATS, `control` breaks any."""

    control: int
    mongods: tuple[MongodPorts, ...]
    nats: tuple[NatsPorts, ...]
    routes: Mapping[tuple[int, int], int]

    @property
    def nats_url(self) -> str:
        """All servers of the cluster, for clients."""
        return ",".join(f"nats://{LOOPBACK}:{server.seat}" for server in self.nats)

    @property
    def seats(self) -> tuple[int, ...]:
        """Where the members of the replica set find each other, and clients find them."""
        return tuple(mongod.seat for mongod in self.mongods)

    def processes(self, folder: Path, logs: Path) -> list[Process]:
        """The wires and the servers."""
        mongods = [self._mongod(number, folder, logs) for number in NUMBERS]
        return [self._wires(logs), *mongods, *(self._nats(n, folder, logs) for n in NUMBERS)]

    def _mongod(self, number: int, folder: Path, logs: Path) -> Process:
        name, port = f"mongod-{number}", self.mongods[number - 1].own
        member = Membership(name, MONGOD_OPTIONS, self.seats if number == 1 else ())
        return MongoServer(folder / name, logs / f"{name}.log", port, member=member)

    def _nats(self, number: int, folder: Path, logs: Path) -> Process:
        name, ports = f"nats-{number}", self.nats[number - 1]
        routes = [f"nats://{LOOPBACK}:{self.routes[p]}" for p in PAIRS if p[0] == number]
        options = (
            *("--server_name", name, "--cluster_name", "ticketing"),
            *("--cluster", f"nats://{LOOPBACK}:{ports.cluster}", "--cluster_advertise", NOWHERE),
            *("--routes", ",".join(routes)),
            *("--client_advertise", f"{LOOPBACK}:{ports.seat}"),
        )
        listens, member = (ports.own, ports.monitor), Membership(name, options)
        return NatsServer(folder / name, logs / f"{name}.log", listens, member=member)

    def _wires(self, logs: Path) -> Process:
        wiring = Wiring(control=self.control, wires=list(self._each_wire()))
        command = (sys.executable, "-m", "devstack.wires", wiring.model_dump_json())
        return Process(
            Program("wires", command, logs / "wires.log", lambda: not is_free(self.control))
        )

    def _each_wire(self) -> Iterator[Wire]:
        for number, mongod in zip(NUMBERS, self.mongods, strict=True):
            yield Wire(listen=mongod.seat, port=mongod.own, target=f"mongod-{number}")
        for number, server in zip(NUMBERS, self.nats, strict=True):
            name = f"nats-{number}"
            yield Wire(listen=server.seat, port=server.own, source=CLIENT, target=name)
        for (source, target), listen in self.routes.items():
            port, names = self.nats[target - 1].cluster, (f"nats-{source}", f"nats-{target}")
            yield Wire(listen=listen, port=port, source=names[0], target=names[1])


def choose_member_ports() -> Members:
    """Free ports for all members and wires."""
    free = iter(free_ports(1 + 6 * COUNT + len(PAIRS)))
    return Members(
        next(free),
        tuple(MongodPorts(next(free), next(free)) for _ in NUMBERS),
        tuple(NatsPorts(next(free), next(free), next(free), next(free)) for _ in NUMBERS),
        {pair: next(free) for pair in PAIRS},
    )
