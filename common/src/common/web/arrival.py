"""Patience for replicas: what was made a moment ago elsewhere may not have arrived here yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.contracts.ids import age_of, is_id

PATIENCE_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.025

T = TypeVar("T")


async def arrival(find: Callable[[str], Awaitable[T | None]], identity: str) -> T | None:
    """What `find` finds; waits for it only while the id is so young that it may be on its way.

    So a buyer who orders a ticket right after it was listed, or pays right after ordering, does
    not get a 404 that would be wrong a moment later, and an invented id gets its 404 at once.
    """
    while True:
        found = await find(identity)
        if found is not None or not _is_young(identity):
            return found
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _is_young(identity: str) -> bool:
    return is_id(identity) and abs(age_of(identity)) < PATIENCE_SECONDS
