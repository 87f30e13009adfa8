"""Free ports."""

import socket

from devstack.ports import LOOPBACK, free_ports, is_free


def test_a_port_with_a_listener_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)
