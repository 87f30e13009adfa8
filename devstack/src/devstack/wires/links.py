"""Which links are cut or slow at the moment."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel

CLIENT = "client"
"""Who connects and is none of the members."""

Way = tuple[str, str]
"""From whom to whom: one direction of a link."""


class LinkFault(BaseModel):
    """What is sent these ways arrives so many seconds late; without seconds, when it is healed."""

    ways: frozenset[Way]
    seconds: float | None = None


class Links:
    """The state of all links."""

    def __init__(self) -> None:
        self._faults: list[LinkFault] = []
        self._healed = asyncio.Event()

    @contextmanager
    def broken(self, fault: LinkFault) -> Iterator[None]:
        """As long as the block; then everything that was held back flows on."""
        self._faults.append(fault)
        try:
            yield
        finally:
            self._faults.remove(fault)
            self._healed.set()
            self._healed = asyncio.Event()

    async def passage(self, way: Way) -> None:
        """Wait until something that is sent this way arrives."""
        while None in (delays := self._delays(way)):
            await self._healed.wait()
        if late := sum(delay or 0 for delay in delays):
            await asyncio.sleep(late)

    async def handshake(self, way: Way) -> None:
        """Wait until somebody can connect this way, which takes both directions."""
        back = (way[1], way[0])
        while None in self._delays(way) + self._delays(back):
            await self._healed.wait()

    def _delays(self, way: Way) -> list[float | None]:
        return [fault.seconds for fault in self._faults if way in fault.ways]
