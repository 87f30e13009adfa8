"""A batch loader: concurrent calls are coalesced into one, as a round trip costs what it costs."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from common.errors import Unavailable

MAX_BATCH = 500
"""How many calls one batch holds at most."""

MAX_IN_FLIGHT = 4
"""How many batches run concurrently, so that one slow batch does not stop everybody."""

K = TypeVar("K")
R = TypeVar("R")

_Call = tuple[K, asyncio.Future[R]]


class BatchLoader(Generic[K, R]):
    """Turns a function of many keys into one of a single key.

    A call that comes alone is served at once; calls that come while batches are in flight share the
    next one. `load_batch` returns, for each key in order, a result or the exception to raise. When
    it fails as a whole, it is called again for each key by itself: that must be harmless.
    """

    def __init__(
        self, load_batch: Callable[[Sequence[K]], Awaitable[Sequence[R | Exception]]]
    ) -> None:
        self._load_batch = load_batch
        self._queue: deque[_Call[K, R]] = deque()
        self._in_flight: set[asyncio.Task[None]] = set()

    async def load(self, key: K) -> R:
        """The result for this key."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((key, result))
        if len(self._in_flight) < MAX_IN_FLIGHT:
            flush = asyncio.create_task(self._flush())  # starts when all who are ready have called
            self._in_flight.add(flush)
            flush.add_done_callback(self._in_flight.discard)
        return await result

    async def _flush(self) -> None:
        while self._queue:
            size = min(MAX_BATCH, len(self._queue))
            await self._run([self._queue.popleft() for _ in range(size)])

    async def _run(self, batch: Sequence[_Call[K, R]]) -> None:
        """One bad key must not fail the others: what fails in a batch is retried alone."""
        try:
            results = await self._load_batch([key for key, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for the callers
            if len(batch) == 1 or isinstance(error, Unavailable):
                _resolve(batch, [error] * len(batch))
                return
            for call in batch:
                await self._run([call])
        else:
            _resolve(batch, results)


def _resolve(batch: Sequence[_Call[K, R]], results: Sequence[R | Exception]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future.done():  # the caller has given up
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
