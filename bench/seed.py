"""Fills databases by copying real documents, so that all have the shape that is stored."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pymongo
from httpx import AsyncClient

from common.contracts.ids import new_id
from devstack.api_client import ApiClient
from devstack.running_stack import RunningStack

BATCH = 5_000

Document = dict[str, Any]


async def offer(stack: RunningStack, count: int, title: str = "Concert") -> list[str]:
    """So many free tickets, known to tickets and to orders; their ids."""
    async with AsyncClient(base_url=stack.gateway, timeout=30) as client:
        seller = await ApiClient(client).sign_up()
        buyer = await ApiClient(client).sign_up()
        await buyer.cancel(await buyer.order(await seller.list_ticket(title=title)))
    return known_tickets(stack, count, lambda _: {})


def known_tickets(stack: RunningStack, count: int, change: Callable[[int], Document]) -> list[str]:
    """Copies of a ticket that both services know; `change` says what differs in tickets."""
    free: Document = {"orderId": None, "userId": "0" * 24, "orders": {}}
    ids = copies(stack.mongo["tickets"], "tickets", count, lambda n: {**free, **change(n)})
    copies(stack.mongo["orders"], "tickets", count, lambda n: {"_id": ids[n]})
    return ids


def copies(uri: str, name: str, count: int, change: Callable[[int], Document]) -> list[str]:
    """Store so many copies of whatever is there; `change` says what is different; their ids."""
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(uri, w=1)
    with client:
        home = client.get_default_database()[name]
        original = home.find_one({}, {"outboxSince": 0})
        assert original is not None, f"{name} has nothing to copy"
        made = _made(original, count, change)
        ids = list[str]()
        while batch := list(islice(made, BATCH)):
            home.insert_many(batch, ordered=False)
            ids += [each["_id"] for each in batch]
    return ids


def _made(original: Document, count: int, change: Callable[[int], Document]) -> Iterator[Document]:
    if "outbox" in original:
        original["outbox"] = []
    for number in range(count):
        yield {**original, "_id": new_id(), **change(number)}
