"""A copy knows up to when it has heard everything that its owner made, and never claims more."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.messaging import watermark as watermarks
from common.messaging.bus import Bus
from common.messaging.watermark import WATERMARK_DELAY, ReadModelWatermark
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.owner import run_owner
from devstack.servers import NatsServer
from devstack.testing import BusPeer, eventually

OWNER = "peer"
LONG_AGO = timedelta(minutes=1)


async def whole() -> bool:
    """Nothing was lost."""
    return True


@pytest.fixture
def watermark(bus: Bus) -> ReadModelWatermark:
    """Of a service that has heard nothing yet."""
    return ReadModelWatermark(bus, SERVICE, OWNER, whole)


def ago(age: timedelta) -> datetime:
    """A moment in the past."""
    return datetime.now(UTC) - age


async def passes(watermark: ReadModelWatermark, moment: datetime) -> None:
    """Wait until it is known that all from before this moment was heard."""

    async def passed() -> bool:
        return await watermark.has_passed(moment)

    await eventually(passed)


async def test_what_an_owner_announced_long_ago_has_passed(
    nats_url: str, watermark: ReadModelWatermark
) -> None:
    async with run_owner(nats_url, OWNER):
        await passes(watermark, ago(LONG_AGO))
        assert not await watermark.has_passed(datetime.now(UTC))


async def test_a_pending_outbox_holds_back_the_watermark(
    nats_url: str, watermark: ReadModelWatermark
) -> None:
    since = ago(LONG_AGO)
    async with run_owner(nats_url, OWNER, lambda: since):
        await passes(watermark, since - WATERMARK_DELAY - timedelta(seconds=1))
        assert not await watermark.has_passed(since)


async def test_nobody_knows_while_the_owner_is_away(
    nats_url: str, watermark: ReadModelWatermark
) -> None:
    known = ago(LONG_AGO)
    assert not await watermark.has_passed(known)
    async with run_owner(nats_url, OWNER):
        await passes(watermark, known)
    assert await watermark.has_passed(known)


async def test_nobody_knows_while_nats_is_away(
    nats_url: str, nats_server: NatsServer, watermark: ReadModelWatermark
) -> None:
    async with run_owner(nats_url, OWNER):
        nats_server.kill()
        assert not await watermark.has_passed(ago(LONG_AGO))


async def test_a_backlog_has_not_been_heard(
    nats_url: str, peer: BusPeer, watermark: ReadModelWatermark
) -> None:
    open_the_door = asyncio.Event()

    async def handle(_: TicketUpdated, _repository: object) -> None:
        await open_the_door.wait()

    async with (
        run_owner(nats_url, OWNER),
        consuming(nats_url, {Subject.TICKET_UPDATED: handle}),
    ):
        await peer.publish(Tally.new().to_event())
        await peer.wait_ack_pending(SERVICE)
        assert not await watermark.has_passed(ago(LONG_AGO))
        open_the_door.set()
        await peer.wait_acked_by(SERVICE)
        await passes(watermark, ago(LONG_AGO))


async def test_who_has_lost_events_knows_nothing(nats_url: str, bus: Bus) -> None:
    async def not_whole() -> bool:
        return False

    async with run_owner(nats_url, OWNER):
        watermark = ReadModelWatermark(bus, SERVICE, OWNER, not_whole)
        assert not await watermark.has_passed(ago(LONG_AGO))


async def test_however_many_ask_the_owner_is_asked_once(
    nats_url: str, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def since() -> None:
        nonlocal asked
        asked += 1

    async with run_owner(nats_url, OWNER, since):
        await passes(ReadModelWatermark(bus, SERVICE, OWNER, whole), ago(LONG_AGO))
        monkeypatch.setattr(watermarks, "REQUEST_INTERVAL", 600)
        asked, watermark = 0, ReadModelWatermark(bus, SERVICE, OWNER, whole)
        young = datetime.now(UTC)
        await asyncio.gather(*(watermark.has_passed(young) for _ in range(20)))
    assert asked == 1
