"""Free ports."""

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from devstack.ports import LOOPBACK, free_ports, is_free


def test_a_port_with_a_listener_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


@pytest.mark.usefixtures("processes")
def test_processes_at_the_same_time_choose_different_ports() -> None:
    choose = "from devstack.ports import free_ports; print(*free_ports(60)); input()"
    command = [sys.executable, "-c", choose]
    with ExitStack() as running:
        choosers = [
            running.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
            )
            for _ in range(4)
        ]
        said = [chooser.stdout.readline() for chooser in choosers if chooser.stdout]
        for chooser in choosers:
            chooser.communicate("\n")
    chosen = [port for line in said for port in line.split()]
    assert len(chosen) == len(set(chosen)) == 240
