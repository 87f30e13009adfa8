"""Fills a database by copying one real document, so that all have the shape that is stored."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pymongo

from common.contracts.ids import new_id

BATCH = 5_000

Document = dict[str, Any]


def copies(uri: str, collection: str, count: int, change: Callable[[int], Document]) -> list[str]:
    """Store so many copies of whatever is there; `change` says what is different; their ids."""
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(uri, w=1)
    with client:
        home = client.get_default_database()[collection]
        original = home.find_one({}, {"outbox": 0, "outboxSince": 0})
        assert original is not None, f"{collection} has nothing to copy"
        made = _made(original, count, change)
        ids = list[str]()
        while batch := list(islice(made, BATCH)):
            home.insert_many(batch, ordered=False)
            ids += [each["_id"] for each in batch]
    return ids


def _made(original: Document, count: int, change: Callable[[int], Document]) -> Iterator[Document]:
    for number in range(count):
        yield {**original, "_id": new_id(), "outbox": [], **change(number)}
