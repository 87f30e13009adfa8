"""The same requests and queries with a thousand, a hundred thousand and a million stored."""

import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pymongo
from httpx import AsyncClient

from bench import seed
from bench.effects import effects
from bench.figures import Figure
from bench.load import Request
from bench.rounds import Side, alternate
from bench.sessions import sign_in
from bench.stacks import settled, stack
from devstack.api_client import ApiClient
from devstack.running_stack import RunningStack
from tickets.tokenizer import prefixes

SIZES = (1_000, 100_000, 1_000_000)
SELLERS = 1_000
COUNT, QUERIES, TURNS, CLIENTS = 400, 200, 40, 4
WORDS = ("Opera", "Concert", "Festival", "Match", "Circus", "Ballet", "Lecture", "Derby")


async def measure() -> list[Figure]:
    """Every figure by size; what would grow faster than a logarithm is not met at the largest."""
    figures = list[Figure]()
    with stack("--window", "86400") as running:
        users = sign_in(running, 2)
        await seed.offer(running, 0)
        await settled(running)
        stored = 0
        for size in SIZES:
            ids = _store(running, size - stored)
            stored = size
            figures += await _requests(running, ids, users[0], size)
            figures += _queries(running, size)
            figures += await _effects(running, size)
    return _judged(figures)


def _store(running: RunningStack, count: int) -> list[str]:
    """So many tickets, free, each with an order of long ago, its timer and its checkout."""
    sellers = [f"{number:024x}" for number in range(SELLERS)]

    def ticket(number: int) -> dict[str, Any]:
        title = f"{WORDS[number % len(WORDS)]} {number % 9973}"
        seller = sellers[number % SELLERS]
        return {"title": title, "beginnings": prefixes(title), "userId": seller}

    ids = seed.known_tickets(running, count, ticket)
    later = datetime.now(UTC) + timedelta(days=1)
    seed.copies(
        running.mongo["orders"], "orders", count, lambda n: {"userId": sellers[n % SELLERS]}
    )
    seed.copies(
        running.mongo["expiration"],
        "timers",
        count,
        lambda _: {"fireAt": later, "state": "scheduled"},
    )
    seed.copies(running.mongo["payments"], "checkouts", count, lambda _: {})
    return ids


async def _requests(
    running: RunningStack, ids: list[str], user: dict[str, str], size: int
) -> list[Figure]:
    [tickets], [orders] = running.services["tickets"], running.services["orders"]
    [tickets_pid], [orders_pid] = running.pids["tickets"], running.pids["orders"]
    middle = ids[len(ids) // 2]

    def asking(path: str) -> list[Request]:
        return [Request(path=path, headers=user)]

    wanted = [
        Request(method="POST", path="/api/orders", headers=user, body=f'{{"ticketId":"{each}"}}')
        for each in ids[: COUNT * 2]
    ]
    sides = {
        "GET /api/tickets/{id}": Side(tickets, tickets_pid, asking(f"/api/tickets/{middle}")),
        "GET /api/tickets, first page": Side(tickets, tickets_pid, asking("/api/tickets")),
        "GET /api/tickets, a page in the middle": Side(
            tickets, tickets_pid, asking(f"/api/tickets?cursor={middle}")
        ),
        "GET /api/tickets?q= (one word)": Side(tickets, tickets_pid, asking("/api/tickets?q=ope")),
        "GET /api/tickets?q= (two words)": Side(
            tickets, tickets_pid, asking("/api/tickets?q=opera+41")
        ),
        "GET /api/tickets?q= (two that never meet)": Side(
            tickets, tickets_pid, asking("/api/tickets?q=opera+circus")
        ),
        "GET /api/orders": Side(orders, orders_pid, asking("/api/orders")),
    }
    placing = Side(orders, orders_pid, wanted)
    await alternate([placing], rounds=2, count=COUNT // 2, connections=CLIENTS, status=201)
    await settled(running)
    await alternate(list(sides.values()), rounds=3, count=COUNT // 2, connections=CLIENTS)
    return [
        Figure(name=f"{name}, {what}", value=value, unit="ms", size=size)
        for name, side in {**sides, "POST /api/orders": placing}.items()
        for what, value in (("p50", side.percentile_ms(50)), ("CPU", side.cpu_ms))
    ]


async def _effects(running: RunningStack, size: int) -> list[Figure]:
    """What people wait for on an idle system."""
    async with AsyncClient(base_url=running.gateway, timeout=30) as client:
        met = await effects(running, await ApiClient(client).sign_up(), TURNS)
    return [
        Figure(name=figure.name, value=figure.value, unit=figure.unit, size=size)
        for figure in met
        if "p50" in figure.name
    ]


def _queries(running: RunningStack, size: int) -> list[Figure]:
    """What the services ask of MongoDB by themselves."""
    figures = []
    now = datetime.now(UTC)
    times = [{"$lt": now - timedelta(seconds=5)}, {"$gt": now + timedelta(seconds=40)}]
    left = {"$or": [{"outboxSince": each} for each in times]}
    free = [{"leaseUntil": None}, {"leaseUntil": {"$lt": now}}]
    due = {"state": "scheduled", "fireAt": {"$lte": now}, "$or": free}
    for name, service, collection, query, by in (
        ("the outbox's sweep (orders)", "orders", "orders", left, "outboxSince"),
        ("the outbox's sweep (tickets)", "tickets", "tickets", left, "outboxSince"),
        ("due timers", "expiration", "timers", due, "fireAt"),
    ):
        ms = _query_ms(running.mongo[service], collection, query, by)
        figures.append(Figure(name=f"query: {name}", value=ms, unit="ms", size=size))
    return figures


def _query_ms(uri: str, collection: str, query: dict[str, Any], by: str) -> float:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri)
    times = []
    with client:
        home = client.get_default_database()[collection]
        for _ in range(QUERIES):
            began = time.perf_counter()
            list(home.find(query).sort([(by, 1)]).limit(500))
            times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _judged(figures: list[Figure]) -> list[Figure]:
    """A logarithm of 1,000 times as much is twice as large; half a millisecond is noise."""
    least = {figure.name: figure.value for figure in figures if figure.size == SIZES[0]}
    return [
        figure.model_copy(update={"target": 2 * least[figure.name] + 0.5})
        if figure.size == SIZES[-1]
        else figure
        for figure in sorted(figures, key=lambda each: each.name)
    ]
