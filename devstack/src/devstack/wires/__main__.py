"""`python -m devstack.wires WIRING` runs all wires of a stack until it is stopped."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import uvloop

from common.tasks import run_concurrently
from devstack.ports import LOOPBACK
from devstack.wires.control import Control
from devstack.wires.links import Links
from devstack.wires.proxy import Proxy
from devstack.wires.wiring import Wiring

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve(wiring: Wiring) -> None:
    """Until cancelled."""
    links = Links()
    members = {wire.port: wire.target for wire in wiring.wires}
    await run_concurrently(
        *(_listen(wire.listen, Proxy(wire, links, members).serve) for wire in wiring.wires),
        _listen(wiring.control, Control(links).serve),
    )


async def _listen(port: int, serve: Serve) -> None:
    async with await asyncio.start_server(serve, LOOPBACK, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Wiring.model_validate_json(sys.argv[1])))
