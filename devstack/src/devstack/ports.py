"""Free TCP ports on loopback."""

import socket
from secrets import SystemRandom

LOOPBACK = "127.0.0.1"

# Below the range from which the system takes the near ends of connections (32768 up): otherwise
# a server that is down for a moment can find its port occupied by somebody's client.
CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Different free ports; random ones, so that stacks started together do not collide."""
    shuffled = SystemRandom().sample(CANDIDATES, len(CANDIDATES))
    free = (port for port in shuffled if is_free(port))
    return [next(free) for _ in range(count)]


def free_port() -> int:
    """One free port."""
    return free_ports(1)[0]
