"""Stands for a service of which others keep copies: says up to when it has announced all."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from common import clock
from common.contracts.requests import ServiceRequest
from common.messaging.bus import Bus
from common.messaging.responder import Reply, Responder
from common.messaging.watermark import watermark_reply


def nothing_waits() -> None:
    """All that was made is announced."""


@asynccontextmanager
async def owner_on(
    url: str, service: str, since: Callable[[], datetime | None] = nothing_waits
) -> AsyncIterator[None]:
    """It answers for as long as the block; `since` says from when on its events wait."""

    async def pending_since() -> datetime | None:
        return since()

    async def answer(_: bytes) -> bytes:
        return await watermark_reply(pending_since)

    async with answering(url, service, {ServiceRequest.WATERMARK: answer}):
        yield


def made_ago(seconds: float) -> str:
    """An id that was made so long ago."""
    return f"{int((clock.seconds() - seconds) * 1_000_000):014x}{'0' * 10}"


@asynccontextmanager
async def answering(
    url: str, service: str, answers: Mapping[ServiceRequest, Reply]
) -> AsyncIterator[None]:
    """What a service is asked is answered like this, for as long as the block."""
    bus = Bus(url, service=service)
    door = Responder(bus, service, answers)
    bus.on_connected.append(door.start)
    await bus.connect()
    yield
    await door.stop(1)
    await bus.close()
