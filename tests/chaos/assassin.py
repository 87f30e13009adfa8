"""A wire between a process and a server it uses, which kills the process when a word goes by."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from devstack.ports import LOOPBACK, free_port
from devstack.wires.proxy import CHUNK, closing


@dataclass
class Order:
    """At which word, said by whom, who is to die; the word itself is not passed on."""

    word: bytes
    by_server: bool
    kill: Callable[[], None]


class Assassin:
    """Passes everything on in both directions until its word comes; works once."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.is_done = asyncio.Event()
        self.server_port = server_port
        self._order: Order | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def kill_when(self, word: bytes, kill: Callable[[], None], *, by_server: bool = False) -> None:
        """Wait for this word of the process, or of the server."""
        self._order = Order(word, by_server, kill)

    @asynccontextmanager
    async def on_the_wire(self) -> AsyncIterator["Assassin"]:
        """Listening for as long as the block."""
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
                before = said[-100:]  # a word may come in two pieces
                writer.write(said)
                await writer.drain()

    def _is_due(self, said: bytes, by_server: bool) -> bool:
        order = self._order
        if order is None or order.by_server != by_server or order.word not in said:
            return False
        self._order = None
        order.kill()
        self.is_done.set()
        return True
