"""Our services beside what people would write in Node (`bench/node/`), at the same load in turns.

It needs Node, and `npm install` in that folder.
"""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from httpx import AsyncClient

from bench import placing, seed
from bench.alone import alone
from bench.figures import Figure
from bench.load import Request
from bench.rounds import Side, alternate, compared
from bench.served import served
from bench.stacks import stack
from devstack.plan import http_url
from devstack.ports import free_port
from devstack.process import Process
from devstack.testing import new_session

HOME = Path(__file__).parent / "node"
TICKETS, CLIENTS = 1_000, 8
ROUNDS, COUNT = 5, 1_000


class NotInstalled(Exception):
    """Node, or what the server needs of it, is not there."""


async def measure() -> Sequence[Figure]:
    """Both reads and an order; the floor is what Node does."""
    return [*await _reads(), *await _orders()]


async def _reads() -> list[Figure]:
    with stack() as running, _node(running.mongo["tickets"], running.nats, running.logs) as node:
        [url], [pid] = running.services["tickets"], running.pids["tickets"]
        tickets = await seed.offer(running, TICKETS)
        headers = await _session(node)
        figures = []
        for name, paths in (("", [""]), ("/{id}", [f"/{each}" for each in tickets])):
            ours = [Request(path=f"/api/tickets{path}") for path in paths]
            same = [Request(path=f"/tickets{path}", headers=headers) for path in paths]
            sides = Side(url, pid, ours), Side(node.name, node.pid, same)
            await alternate(sides, rounds=1, count=COUNT, connections=CLIENTS)
            for side in sides:
                side.forget()
            await alternate(sides, rounds=ROUNDS, count=COUNT, connections=CLIENTS)
            figures += compared(f"GET /api/tickets{name}", *sides, share=1, cpu="CPU")
        return figures


async def _orders() -> list[Figure]:
    async with alone("orders") as there:
        plan = there.plan
        with _node(plan.mongo_uri("orders"), plan.nats_url, plan.folder) as node:
            await there.start()
            tickets = await placing.offer(there)
            buyer, headers = new_session(plan.secrets.session_keys).headers, await _session(node)
            [replica], [port] = there.replicas, plan.ports.services["orders"]
            ours = [placing.order(each, "/api/orders", buyer) for each in tickets]
            same = [placing.order(each, "/orders", headers) for each in tickets]
            sides = Side(http_url(port), replica.pid, ours), Side(node.name, node.pid, same)
            await placing.in_turns(*sides)
        return compared("POST /api/orders", *sides, share=1, cpu="CPU, announced")


@contextmanager
def _node(mongo_uri: str, nats_url: str, folder: Path) -> Iterator[Process]:
    """The server in Node; its name is its address."""
    port = free_port()
    variables = {
        "PORT": str(port),
        "MONGO_URI": mongo_uri,
        "NATS_URL": nats_url,
        "KEY": secrets.token_hex(32),
        "NODE_ENV": "production",
    }
    command = (_installed_node(), str(HOME / "server.js"))
    with served(port, command, variables, folder / "node.log") as process:
        yield process


def _installed_node() -> str:
    node = shutil.which("node")
    if node is None or not (HOME / "node_modules").exists():
        raise NotInstalled("it needs Node, and npm install in bench/node")
    return node


async def _session(node: Process) -> dict[str, str]:
    async with AsyncClient(base_url=node.name) as client:
        answer = await client.post("/session")
    return {"cookie": f"session={answer.cookies['session']}"}
