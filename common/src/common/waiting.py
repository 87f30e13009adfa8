"""Waiting for something to happen, but not for ever."""

import asyncio
from contextlib import suppress


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, or so many seconds are over.

    Not with `asyncio.wait_for`, which may swallow a cancellation before Python 3.12
    (https://github.com/python/cpython/issues/86296).
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
