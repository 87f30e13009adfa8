"""Waits until nothing is left to do, for a bounded time."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from httpx import AsyncClient, HTTPError
from pymongo.errors import PyMongoError
from tests.chaos.evidence import HEARING, Databases, backlog
from tests.chaos.rules_of_sales import FINAL

from common.mongo import Document
from devstack.headless import Stack

PATIENCE_SECONDS = 90.0


async def is_quiet(stack: Stack, databases: Databases) -> list[str]:
    """Wait for quiet; what is still going on when the patience is over."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        reasons = await _restlessness(stack, databases)
        if not reasons or time.monotonic() > until:
            return reasons
        await asyncio.sleep(0.2)


async def _restlessness(stack: Stack, databases: Databases) -> list[str]:
    """Why it is not quiet; asked of the services first, because what they do shows later."""
    reasons = [f"{url} is not ready" async for url in _not_ready(stack)]
    if not reasons:
        try:
            reasons = [*_unfinished(databases), *_unheard(stack)]
        except (PyMongoError, OSError) as error:
            return [repr(error)]
    return reasons


async def _not_ready(stack: Stack) -> AsyncIterator[str]:
    async with AsyncClient(timeout=2) as probe:
        for urls in stack.services.values():
            for url in urls:
                try:
                    answer = await probe.get(f"{url}/readyz")
                    flags = answer.json()["checks"].values()
                except HTTPError:
                    yield url
                    continue
                if not (answer.is_success and all(flags)):
                    yield url


def _unfinished(databases: Databases) -> Iterator[str]:
    """What the services still have to do, from cause to effect."""
    orders, timers = databases.documents("orders"), databases.documents("timers")
    checkouts, tickets = databases.documents("checkouts"), databases.documents("tickets")
    yield from (f"order {o['_id']} is {o['status']}" for o in orders.values() if _is_open(o))
    yield from (f"timer {key} runs" for key, t in timers.items() if t["state"] == "scheduled")
    yield from (f"payment of {key} is due" for key, c in checkouts.items() if c["dueAt"])
    for entity, document in [*orders.items(), *tickets.items(), *checkouts.items()]:
        if "outboxSince" in document:
            yield f"{entity} has something to announce"


def _is_open(order: Document) -> bool:
    return order["status"] not in FINAL


def _unheard(stack: Stack) -> Iterator[str]:
    for service in HEARING:
        left = backlog(stack, service)
        if left is None or not left.is_empty:
            yield f"{service} has to hear {left}"
