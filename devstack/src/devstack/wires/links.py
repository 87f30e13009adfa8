"""The links that are partitioned or slow at present."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel

CLIENT = "client"
"""The source of connections by clients, not members."""

Way = tuple[str, str]
"""One direction of a link: source and target."""


class LinkFault(BaseModel):
    """A delay of these directions in seconds; without seconds, a partition until it is healed."""

    ways: frozenset[Way]
    seconds: float | None = None


class Links:
    """The state of all links."""

    def __init__(self) -> None:
        self._faults: list[LinkFault] = []
        self._healed = asyncio.Event()

    @contextmanager
    def broken(self, fault: LinkFault) -> Iterator[None]:
        """Apply a fault for the duration of the block; then delayed data is forwarded."""
        self._faults.append(fault)
        try:
            yield
        finally:
            self._faults.remove(fault)
            self._healed.set()
            self._healed = asyncio.Event()

    async def passage(self, way: Way) -> None:
        """Wait until data in this direction may be forwarded."""
        while None in (delays := self._delays(way)):
            await self._healed.wait()
        if late := sum(delay or 0 for delay in delays):
            await asyncio.sleep(late)

    async def handshake(self, way: Way) -> None:
        """Wait until a connection is possible, which needs both directions."""
        back = (way[1], way[0])
        while None in self._delays(way) + self._delays(back):
            await self._healed.wait()

    def _delays(self, way: Way) -> list[float | None]:
        return [fault.seconds for fault in self._faults if way in fault.ways]
