"""All processes of one plan: databases first when they start, and last when they stop."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from devstack import processes
from devstack.plan import SERVICES, Plan
from devstack.process import Process, wait_until_ready

START_SECONDS: Final = 60.0

# Counted from the beginning of the stop, so that it is over after 10 s whatever hangs.
SERVICES_STOPPED: Final = 7.5
EDGE_STOPPED: Final = 8.5
DATABASES_STOPPED: Final = 10.0


@dataclass(frozen=True)
class Stopping:
    """How to wait during the shutdown, and whether Ctrl-C was pressed again."""

    pause: Callable[[], None]
    is_urgent: Callable[[], bool]


class Stack:
    """Databases, then the services and the sandbox, then the gateway."""

    def __init__(self, plan: Plan) -> None:
        self.databases = processes.databases(plan)
        self.topology = processes.topology(plan)
        self.sandbox = processes.sandbox(plan)
        self.services = {service: processes.replicas(plan, service) for service in SERVICES}
        self.gateway = processes.gateway(plan)

    @property
    def replicas(self) -> list[Process]:
        """The processes of all services."""
        return [process for replicas in self.services.values() for process in replicas]

    @property
    def processes(self) -> list[Process]:
        """All processes."""
        return [*self.databases, self.topology, self.sandbox, *self.replicas, self.gateway]

    def start(self, pause: Callable[[], None]) -> None:
        """Start everything and wait until it is ready; raises StartFailed."""
        _spawn([*self.databases, self.sandbox])
        wait_until_ready(self.databases, START_SECONDS, pause)
        _spawn([self.topology, *self.replicas])
        wait_until_ready([self.sandbox, *self.replicas], START_SECONDS, pause)
        _spawn([self.gateway])
        wait_until_ready([self.gateway], START_SECONDS, pause)

    def stop(self, stopping: Stopping) -> None:
        """Stop everything within 10 s: SIGTERM, then SIGKILL."""
        begun = time.monotonic()
        for replica in self.replicas:  # nobody is left to turn to: no need to be a lame duck
            replica.interrupt()
        _await_end(self.replicas, begun + SERVICES_STOPPED, stopping)
        _end([self.gateway, self.sandbox, self.topology], begun + EDGE_STOPPED, stopping)
        _end(self.databases, begun + DATABASES_STOPPED, stopping)


def _spawn(processes: Iterable[Process]) -> None:
    for process in processes:
        process.spawn()


def _end(processes: Sequence[Process], deadline: float, stopping: Stopping) -> None:
    for process in processes:
        process.terminate()
    _await_end(processes, deadline, stopping)


def _await_end(processes: Sequence[Process], deadline: float, stopping: Stopping) -> None:
    while any(process.is_running for process in processes):
        if stopping.is_urgent() or time.monotonic() > deadline:
            break
        stopping.pause()
    for process in processes:
        process.kill()
