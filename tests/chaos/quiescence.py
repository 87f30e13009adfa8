"""Waits for quiescence: no work is pending or in flight."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from httpx import AsyncClient, HTTPError
from pymongo.errors import PyMongoError
from tests.chaos.observations import CONSUMERS, Databases, backlog
from tests.chaos.recovery import unrecovered
from tests.chaos.rules_of_sales import FINAL
from tests.chaos.violation import Violation

from common.messaging.bus import Bus
from devstack.running_stack import RunningStack

TIMEOUT_SECONDS = 120.0
RULE = "the system becomes quiescent"


async def wait_until_quiescent(stack: RunningStack, databases: Databases) -> list[Violation]:
    """Wait for quiescence; returns what is still pending after the timeout."""
    until = time.monotonic() + TIMEOUT_SECONDS
    bus = Bus(stack.nats, service="chaos")
    await bus.connect()
    try:
        while True:
            pending = await _pending(stack, databases, bus)
            if not pending or time.monotonic() > until:
                return pending
            await asyncio.sleep(0.2)
    finally:
        await bus.close()


async def _pending(stack: RunningStack, databases: Databases, bus: Bus) -> list[Violation]:
    """What is pending; causes are checked before their effects."""
    try:
        pending = [Violation(RULE, url, "is not ready") async for url in _not_ready(stack)]
        pending += [Violation(RULE, *each) async for each in unrecovered(bus, databases)]
        return pending or [*_unfinished(databases), *_lagging(stack)]
    except (PyMongoError, OSError) as error:
        return [Violation(RULE, "a server", repr(error))]


async def _not_ready(stack: RunningStack) -> AsyncIterator[str]:
    async with AsyncClient(timeout=2) as probe:
        for url in [url for urls in stack.services.values() for url in urls]:
            try:
                answer = await probe.get(f"{url}/readyz")
            except HTTPError:
                yield url
                continue
            if not (answer.is_success and all(answer.json()["checks"].values())):
                yield url


def _unfinished(databases: Databases) -> Iterator[Violation]:
    orders, timers = databases.documents("orders"), databases.documents("timers")
    checkouts, tickets = databases.documents("checkouts"), databases.documents("tickets")
    for entity, order in orders.items():
        if order["status"] not in FINAL:
            yield Violation(RULE, entity, f"is {order['status']}")
    for entity, timer in timers.items():
        if timer["state"] == "scheduled":
            yield Violation(RULE, entity, "has a running timer")
    for entity, document in [*orders.items(), *tickets.items(), *checkouts.items()]:
        if document.get("outbox") or document.get("dueAt"):
            yield Violation(RULE, entity, "has pending events, or is due")


def _lagging(stack: RunningStack) -> Iterator[Violation]:
    for service in CONSUMERS:
        left = backlog(stack, service)
        if left is None or not left.is_empty:
            yield Violation(RULE, service, f"has lag {left}")
