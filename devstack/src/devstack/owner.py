"""Stands for a service of which others keep copies: says up to when it has announced all."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from common.contracts.questions import Question
from common.messaging.bus import Bus
from common.messaging.questions import Answering
from common.messaging.watermark import say_watermark


def nothing_waits() -> None:
    """All that was made is announced."""


@asynccontextmanager
async def owner_on(
    url: str, service: str, since: Callable[[], datetime | None] = nothing_waits
) -> AsyncIterator[None]:
    """It answers for as long as the block; `since` says from when on its events wait."""

    async def waiting_since() -> datetime | None:
        return since()

    async def answer(_: bytes) -> bytes:
        return await say_watermark(waiting_since)

    bus = Bus(url, service=service)
    answering = Answering(bus, service, {Question.WATERMARK: answer})
    bus.on_connected.append(answering.start)
    await bus.connect()
    yield
    await answering.stop(1)
    await bus.close()
