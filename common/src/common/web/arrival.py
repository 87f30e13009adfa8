"""Patience for replicas: what was made a moment ago elsewhere may not have arrived here yet."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from common.contracts.ids import age_of, created_at, is_id
from common.errors import Unavailable

PATIENCE_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.025

T = TypeVar("T")


class NotHeardOfYet(Unavailable):
    """It may exist: its owner's events have not all been heard."""


class Arrival:
    """What other services made, as far as it has arrived in this one.

    `has_passed` says whether everything made until a moment has certainly arrived.
    """

    def __init__(self, has_passed: Callable[[datetime], Awaitable[bool]]) -> None:
        self._has_passed = has_passed

    async def of(self, find: Callable[[str], Awaitable[T | None]], identity: str) -> T | None:
        """What `find` finds, or None for what does not exist; raises NotHeardOfYet.

        Waits while the id is so young that it may be on its way. So a buyer who orders a ticket
        right after it was listed, or pays right after ordering, does not get a 404 that would be
        wrong a moment later, and an invented id gets its 404 at once.
        """
        while True:
            found = await find(identity)
            if found is not None or not is_id(identity):
                return found
            if not _is_young(identity):
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        await self._refuse_unless_passed(identity)
        return await find(identity)  # it may have arrived while the owner was asked

    async def _refuse_unless_passed(self, identity: str) -> None:
        is_of_the_future = age_of(identity) < 0
        if not (is_of_the_future or await self._has_passed(created_at(identity))):
            raise NotHeardOfYet(f"{identity} may be on its way")


def _is_young(identity: str) -> bool:
    return abs(age_of(identity)) < PATIENCE_SECONDS
