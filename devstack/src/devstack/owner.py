"""A test double of a service with read models elsewhere: it reports its watermark."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from common import clock
from common.contracts.requests import ServiceRequest
from common.messaging.bus import Bus
from common.messaging.responder import Reply, Responder
from common.messaging.watermark import watermark_reply


def no_pending_events() -> None:
    """There are no unpublished events."""


@asynccontextmanager
async def run_owner(
    url: str, service: str, since: Callable[[], datetime | None] = no_pending_events
) -> AsyncIterator[None]:
    """Respond for the duration of the block; `since` is the time of the oldest pending event."""

    async def pending_since() -> datetime | None:
        return since()

    async def answer(_: bytes) -> bytes:
        return await watermark_reply(pending_since)

    async with responder(url, service, {ServiceRequest.WATERMARK: answer}):
        yield


def id_created_ago(seconds: float) -> str:
    """An id that was created so long ago."""
    return f"{int((clock.seconds() - seconds) * 1_000_000):014x}{'0' * 10}"


@asynccontextmanager
async def responder(
    url: str, service: str, answers: Mapping[ServiceRequest, Reply]
) -> AsyncIterator[None]:
    """Respond to requests to a service, for the duration of the block."""
    bus = Bus(url, service=service)
    door = Responder(bus, service, answers)
    bus.on_connected.append(door.start)
    await bus.connect()
    yield
    await door.stop(1)
    await bus.close()
