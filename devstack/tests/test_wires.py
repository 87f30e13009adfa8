"""Wires between servers: what is cut or slow arrives late, and nothing is lost or reset."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devstack.ports import LOOPBACK, free_ports, is_free
from devstack.process import Process, Program
from devstack.quick import Processes
from devstack.testing import eventually
from devstack.wires.control import broken
from devstack.wires.links import CLIENT, LinkFault
from devstack.wires.wiring import Wire, Wiring

THERE, BACK = (CLIENT, "server"), ("server", CLIENT)
CUT = LinkFault(ways=frozenset({THERE, BACK}))


@pytest.fixture
def wiring(processes: Processes, tmp_path: Path) -> Iterator[Wiring]:
    """One wire from a client to a server, in use."""
    listen, port, control = free_ports(3)
    wire = Wire(listen=listen, port=port, source=CLIENT, target="server")
    wiring = Wiring(control=control, wires=[wire])
    command = (sys.executable, "-m", "devstack.wires", wiring.model_dump_json())
    log = tmp_path / "wires.log"
    process = Process(Program("wires", command, log, lambda: not is_free(control)))
    with processes.running(process):
        yield wiring
    assert log.read_text() == ""


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Ends:
    """Both ends of all connections through the wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.at_client: list[Connection] = []
        self.at_server: list[Connection] = []

    async def connect(self) -> None:
        """One more connection."""
        self.at_client.append(await asyncio.open_connection(LOOPBACK, self._wire.listen))

    async def reached(self, connections: int) -> None:
        """Wait until so many have reached the server."""

        async def are_there() -> bool:
            return len(self.at_server) == connections

        await eventually(are_there, f"{connections} connections reach the server")

    async def accept(self, *connection: *Connection) -> None:
        """What the server does."""
        self.at_server.append(connection)

    async def close(self) -> None:
        """Hang up everywhere."""
        for _, writer in self.at_client + self.at_server:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def ends(wiring: Wiring) -> AsyncIterator[Ends]:
    """A connection through the wire."""
    [wire] = wiring.wires
    ends = Ends(wire)
    server = await asyncio.start_server(ends.accept, LOOPBACK, wire.port)
    await ends.connect()
    await ends.reached(1)
    yield ends
    server.close()
    await ends.close()


async def test_a_cut_holds_back_what_flows_on_afterwards(wiring: Wiring, ends: Ends) -> None:
    [(at_server, to_client)], [(at_client, to_server)] = ends.at_server, ends.at_client
    async with broken(wiring.control, CUT):
        to_server.write(b"question")
        to_client.write(b"answer")
        assert await _hears(at_server) == b""
        assert await _hears(at_client) == b""
    assert await at_server.readexactly(8) == b"question"
    assert await at_client.readexactly(6) == b"answer"


async def test_a_link_can_be_cut_one_way_only(wiring: Wiring, ends: Ends) -> None:
    [(at_server, to_client)], [(at_client, to_server)] = ends.at_server, ends.at_client
    async with broken(wiring.control, LinkFault(ways=frozenset({THERE}))):
        to_server.write(b"question")
        to_client.write(b"answer")
        assert await at_client.readexactly(6) == b"answer"
        assert await _hears(at_server) == b""
    assert await at_server.readexactly(8) == b"question"


async def test_partition_delays_connection_close(wiring: Wiring, ends: Ends) -> None:
    [(at_server, _)], [(_, to_server)] = ends.at_server, ends.at_client
    async with broken(wiring.control, CUT):
        to_server.close()
        assert await _hears(at_server) == b""
        assert not at_server.at_eof()
    assert await at_server.read() == b""


@pytest.mark.parametrize("way", [THERE, BACK])
async def test_partitioned_link_delays_connections(
    wiring: Wiring, ends: Ends, way: tuple[str, str]
) -> None:
    async with broken(wiring.control, LinkFault(ways=frozenset({way}))):
        await ends.connect()
        assert await _hears(ends.at_client[-1][0]) == b""
        assert len(ends.at_server) == 1
    await ends.reached(2)


async def test_a_slow_link_delivers_late_and_in_order(wiring: Wiring, ends: Ends) -> None:
    [(at_server, _)], [(_, to_server)] = ends.at_server, ends.at_client
    async with broken(wiring.control, LinkFault(ways=frozenset({THERE}), seconds=0.3)):
        begun = time.monotonic()
        to_server.write(b"one")
        await to_server.drain()
        to_server.write(b"two")
        assert await at_server.readexactly(6) == b"onetwo"
        assert time.monotonic() - begun > 0.29


async def test_overlapping_faults_heal_one_by_one(wiring: Wiring, ends: Ends) -> None:
    [(at_server, _)], [(_, to_server)] = ends.at_server, ends.at_client
    async with broken(wiring.control, CUT):
        async with broken(wiring.control, LinkFault(ways=frozenset({THERE}))):
            to_server.write(b"question")
        assert await _hears(at_server) == b""
    assert await at_server.readexactly(8) == b"question"


async def _hears(reader: asyncio.StreamReader) -> bytes:
    """What arrives within a moment."""
    try:
        async with asyncio.timeout(0.2):
            return await reader.read(100)
    except TimeoutError:
        return b""
