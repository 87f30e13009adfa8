"""A real mongod and a real nats-server, each on a port that it keeps when it is started again."""

from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from devstack import binaries, replica_set
from devstack.ports import LOOPBACK, free_port, free_ports
from devstack.probes import answers_ok
from devstack.process import Process, Program


@dataclass(frozen=True)
class Membership:
    """What a server has that is one of several; `seats` are where the members meet each other.

    Only the member that forms the replica set is told them.
    """

    name: str
    options: tuple[str, ...]
    seats: tuple[int, ...] = ()


class MongoServer(Process):
    """A mongod, alone in its replica set or not; its data stays in `folder` when it stops.

    `key_file` holds the key of the set, and has it ask everybody who they are.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        port: int | None = None,
        key_file: Path | None = None,
        member: Membership | None = None,
    ) -> None:
        self.port = port or free_port()
        self._folder = folder
        role = member or Membership("mongod", (), (self.port,))
        super().__init__(
            Program(
                name=role.name,
                command=(*_mongod_command(folder, self.port, key_file), *role.options),
                log=log,
                is_ready=lambda: replica_set.is_ready(self.port, role.seats),
            )
        )

    def uri(self, database: str) -> str:
        """The address of one database."""
        return replica_set.uri((self.port,), database)

    def drop(self, database: str) -> None:
        """Forget one database."""
        with replica_set.connect(self.port) as client:
            client.drop_database(database)

    @override
    def spawn(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        super().spawn()


class NatsServer(Process):
    """A nats-server with JetStream; its streams stay in `folder` when it stops.

    `config` is a file of NATS' own that says more, such as who its users are.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        ports: tuple[int, int] | None = None,
        config: Path | None = None,
        member: Membership | None = None,
    ) -> None:
        self.port, self.monitor_port = ports or free_ports(2)
        role = member or Membership("nats", ())
        super().__init__(
            Program(
                name=role.name,
                command=(
                    *_nats_command(folder, self.port, self.monitor_port, config),
                    *role.options,
                ),
                log=log,
                is_ready=answers_ok(self.monitor_port, "/healthz"),
            )
        )

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{LOOPBACK}:{self.port}"


def _mongod_command(folder: Path, port: int, key_file: Path | None) -> tuple[str, ...]:
    return (
        str(binaries.mongod()),
        *("--dbpath", str(folder)),
        *("--port", str(port)),
        *("--bind_ip", LOOPBACK),
        *("--replSet", replica_set.NAME),
        *("--oplogSize", "64"),
        *("--journalCommitInterval", "10"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--slowOpSampleRate", "0"),  # a slow query is printed with all its values
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        "--nounixsocket",
        "--quiet",
        *(("--keyFile", str(key_file)) if key_file else ()),
    )


def _nats_command(
    folder: Path, port: int, monitor_port: int, config: Path | None
) -> tuple[str, ...]:
    return (
        str(binaries.nats_server()),
        *("--addr", LOOPBACK),
        *("--port", str(port)),
        *("--http_port", str(monitor_port)),
        "--jetstream",
        *("--store_dir", str(folder)),
        *(("--config", str(config)) if config else ()),
    )
