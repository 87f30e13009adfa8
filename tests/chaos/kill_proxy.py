"""A TCP proxy that kills a process when a pattern passes between it and a server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from devstack.ports import LOOPBACK, free_port
from devstack.wires.proxy import CHUNK, closing


@dataclass
class Trigger:
    """The pattern, its direction, and the kill; the matching data is not forwarded."""

    pattern: bytes
    by_server: bool
    kill: Callable[[], None]


class KillProxy:
    """Forwards both directions until the pattern matches; fires once."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.has_fired = asyncio.Event()
        self.server_port = server_port
        self._trigger: Trigger | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def arm(self, pattern: bytes, kill: Callable[[], None], *, by_server: bool = False) -> None:
        """Kill at this pattern, sent by the process or by the server."""
        self._trigger = Trigger(pattern, by_server, kill)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["KillProxy"]:
        """Listen for the duration of the block."""
        server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        server, requests = await asyncio.open_connection(LOOPBACK, self.server_port)
        async with asyncio.TaskGroup() as directions:
            directions.create_task(self._pass_on(client, requests, by_server=False))
            directions.create_task(self._pass_on(server, answers, by_server=True))

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, by_server: bool
    ) -> None:
        before = b""
        async with closing(writer):  # which ends the other direction too
            while said := await reader.read(CHUNK):
                if self._is_due(before + said, by_server):
                    return
                before = said[-100:]  # a pattern may come in two pieces
                writer.write(said)
                await writer.drain()

    def _is_due(self, said: bytes, by_server: bool) -> bool:
        trigger = self._trigger
        if trigger is None or trigger.by_server != by_server or trigger.pattern not in said:
            return False
        self._trigger = None
        trigger.kill()
        self.has_fired.set()
        return True
