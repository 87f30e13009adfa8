"""Read your writes: waits until what another service has created is replicated here."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from common.contracts.ids import age_of, created_at, is_id
from common.errors import Unavailable

REPLICATION_SECONDS = 5.0
POLL_SECONDS = 0.025

T = TypeVar("T")


class EventuallyConsistent(Unavailable):
    """It may exist: this service has not caught up with the events of its owner."""


class ReadYourWrites:
    """Reads of a read model that is eventually consistent with the service that owns it.

    `has_passed` tells whether everything created until a moment is certainly replicated.
    """

    def __init__(self, has_passed: Callable[[datetime], Awaitable[bool]]) -> None:
        self._has_passed = has_passed

    async def find(self, read: Callable[[str], Awaitable[T | None]], identity: str) -> T | None:
        """What `read` finds, or None for what does not exist; raises EventuallyConsistent.

        Waits while the id is so young that it may be on its way. So a buyer who orders a ticket
        right after it was listed, or pays right after ordering, does not get a 404 that would be
        wrong a moment later, and an invented id gets its 404 at once.
        """
        while True:
            found = await read(identity)
            if found is not None or not is_id(identity):
                return found
            if not _is_young(identity):
                break
            await asyncio.sleep(POLL_SECONDS)
        await self._require_watermark(identity)
        return await read(identity)  # it may have arrived while the owner was asked

    async def _require_watermark(self, identity: str) -> None:
        is_of_the_future = age_of(identity) < 0
        if not (is_of_the_future or await self._has_passed(created_at(identity))):
            raise EventuallyConsistent(f"{identity} may be on its way")


def _is_young(identity: str) -> bool:
    return abs(age_of(identity)) < REPLICATION_SECONDS
