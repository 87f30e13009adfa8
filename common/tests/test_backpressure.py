"""What can wait goes only as fast as those who hear it, and waits for nobody who does not run."""

import asyncio

import pytest

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.messaging import backpressure as pacing
from common.messaging.backpressure import Backpressure
from common.messaging.bus import Bus
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.testing import BusPeer, eventually


async def test_it_waits_for_who_is_at_it(nats_url: str, bus: Bus, peer: BusPeer) -> None:
    turn = asyncio.Semaphore(0)

    async def handle(_: TicketUpdated, _repository: object) -> None:
        await turn.acquire()

    for _ in range(3):
        await peer.publish(Tally.new().to_event())
    async with consuming(nats_url, {Subject.TICKET_UPDATED: handle}):
        waiting = asyncio.create_task(Backpressure(bus, [SERVICE]).wait_for_lag(1))
        turn.release()

        async def one_is_done() -> bool:
            return sum(await bus.streams.lag(SERVICE)) == 2

        await eventually(one_is_done)
        assert not waiting.done()
        for _ in range(2):
            turn.release()
        await waiting
        assert sum(await bus.streams.lag(SERVICE)) <= 1


async def test_it_waits_once_for_who_does_not_run(
    bus: Bus, peer: BusPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "STALLED_SECONDS", 0.1)
    for _ in range(3):
        await peer.publish(Tally.new().to_event())
    backpressure = Backpressure(bus, [SERVICE])
    await backpressure.wait_for_lag(1)
    monkeypatch.setattr(pacing, "STALLED_SECONDS", 600)
    await backpressure.wait_for_lag(1)


async def test_it_waits_again_for_who_runs_again(
    nats_url: str, bus: Bus, peer: BusPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = 0

    async def handle(_: TicketUpdated, _repository: object) -> None:
        nonlocal heard
        heard += 1

    monkeypatch.setattr(pacing, "STALLED_SECONDS", 0.1)
    for _ in range(3):
        await peer.publish(Tally.new().to_event())
    backpressure = Backpressure(bus, [SERVICE])
    await backpressure.wait_for_lag(1)
    async with consuming(nats_url, {Subject.TICKET_UPDATED: handle}):
        monkeypatch.setattr(pacing, "STALLED_SECONDS", 600)

        async def waited() -> bool:
            await backpressure.wait_for_lag(0)
            return heard == 3

        await eventually(waited)
