"""How soon the outboxes are empty after an outage of the bus, and how requests fare meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from httpx import AsyncClient

from bench.alone import Alone, alone, percentile, run, until
from bench.figures import Figure
from common.contracts.money import Price
from common.mongo import Database, Document
from devstack import replica_set
from devstack.plan import http_url
from devstack.testing import new_session
from tickets.domain import Ticket
from tickets.repository import TicketRepository

BACKLOG, CONCURRENCY = 10_000, 100
PAUSE_SECONDS = 0.02
TICKET = {"title": "Concert", "price": 19.99}


async def measure() -> Sequence[Figure]:
    """Tickets are written while NATS is away; then it comes back, and people go on listing."""
    async with alone("tickets") as tickets:
        await tickets.start()
        _, nats = tickets.databases
        nats.kill()
        await _write(tickets)
        await run([nats])
        begun, used = time.perf_counter(), tickets.cpu_seconds()
        asked = asyncio.create_task(_ask_for_ever(tickets))
        await until(lambda: _is_empty(tickets))
        seconds, used = time.perf_counter() - begun, tickets.cpu_seconds() - used
        asked.cancel()
        times = await asked
    name = "POST /api/tickets beside it"
    return [
        Figure(name=f"{BACKLOG:,} events of an outage leave", value=seconds, unit="s", target=15),
        Figure(name="CPU of the service for each", value=used * 1000 / BACKLOG, unit="ms"),
        Figure(name=f"{name}, p50", value=percentile(times, 50), unit="ms"),
        Figure(name=f"{name}, p99", value=percentile(times, 99), unit="ms"),
    ]


async def _write(tickets: Alone) -> None:
    """As the service does, but without anybody who would announce it."""
    database = Database(tickets.plan.mongo_uri("tickets"))
    repository, seller = TicketRepository(database), "seller"
    for _ in range(BACKLOG // CONCURRENCY):
        offers = [Ticket.list_for_sale("Concert", Price(1999), seller) for _ in range(CONCURRENCY)]
        await asyncio.gather(*map(repository.add, offers))
    database.close()


async def _ask_for_ever(tickets: Alone) -> list[float]:
    """Until cancelled; how long each request took, in ms."""
    [port], times = tickets.plan.ports.services["tickets"], list[float]()
    seller = new_session(tickets.plan.secrets.session_keys)
    try:
        async with AsyncClient(base_url=http_url(port), headers=seller.headers) as client:
            while True:
                begun = time.perf_counter()
                (await client.post("/api/tickets", json=TICKET)).raise_for_status()
                times.append((time.perf_counter() - begun) * 1000)
                await asyncio.sleep(PAUSE_SECONDS)
    except asyncio.CancelledError:
        return times


async def _is_empty(tickets: Alone) -> bool:
    """Whether nothing waits that was written before; what is new takes a moment anyway."""
    before = datetime.now(UTC).timestamp() - 1

    def look() -> bool:
        with replica_set.connect(tickets.plan.ports.mongod) as client:
            left: Document = {"outboxSince": {"$lt": datetime.fromtimestamp(before, UTC)}}
            return client["tickets"]["tickets"].find_one(left) is None

    return await asyncio.to_thread(look)
