"""The control port of the proxies: a fault lasts as long as the connection that requested it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from devstack.ports import LOOPBACK
from devstack.wires.links import LinkFault, Links

DONE = b"done\n"


class Control:
    """The server of the control port."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def serve(self, orders: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Apply one fault until the connection is closed."""
        if asked := await orders.readline():
            with self._links.broken(LinkFault.model_validate_json(asked)):
                answers.write(DONE)
                await orders.read()
        answers.close()


@asynccontextmanager
async def broken(control: int, fault: LinkFault) -> AsyncIterator[None]:
    """Apply a fault to the links of a running stack for the duration of the block."""
    answers, orders = await asyncio.open_connection(LOOPBACK, control)
    try:
        orders.write(fault.model_dump_json().encode() + b"\n")
        if await answers.readline() != DONE:
            raise ConnectionError("the wires do not obey")
        yield
    finally:
        orders.close()
        with suppress(OSError):
            await orders.wait_closed()
