"""A TCP proxy before a server that forwards what the links let through."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from common.tasks import run_concurrently
from devstack.ports import LOOPBACK
from devstack.wires.links import CLIENT, Links, Way
from devstack.wires.wiring import Wire

CHUNK = 65_536
MEMBER = b"\x02hostInfo\x00"
"""The BSON field by which a member of a replica set identifies itself when it connects."""


class Proxy:
    """The proxy of one wire; `members` maps ports to names of members."""

    def __init__(self, wire: Wire, links: Links, members: Mapping[int, str]) -> None:
        self._wire, self._links, self._members = wire, links, members

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Forward one connection until either side closes it."""
        async with closing(answers):
            said = b"" if self._wire.source else await client.read(CHUNK)
            way = (self._wire.source or self._who(said), self._wire.target)
            await self._links.handshake(way)
            if client.at_eof():  # it has lost patience
                return
            server, requests = await asyncio.open_connection(LOOPBACK, self._wire.port)
            async with closing(requests):
                requests.write(said)
                await run_concurrently(
                    self._pass_on(client, requests, way),
                    self._pass_on(server, answers, (way[1], way[0])),
                )

    def _who(self, said: bytes) -> str:
        _, _, rest = said.partition(MEMBER)
        address, _, _ = rest[4:].partition(b"\x00")
        _, _, port = address.rpartition(b":")
        return self._members.get(int(port), CLIENT) if port else CLIENT

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        async with closing(writer):  # which ends the other direction, too
            while said := await _read(reader):
                await self._links.passage(way)
                writer.write(said)
                await writer.drain()
            await self._links.passage(way)  # that somebody hung up is held back like the rest


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read a chunk; empty when the connection is closed or broken."""
    with suppress(OSError):
        return await reader.read(CHUNK)
    return b""


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close the connection at the end of the block."""
    try:
        with suppress(OSError):
            yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
