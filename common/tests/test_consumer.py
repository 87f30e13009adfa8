"""What becomes of an event: it is handled in its turn, and comes again until it could be."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import pytest
from nats.js.api import RawStreamMsg

from common import logs, tracing
from common.contracts.events import TicketUpdated
from common.contracts.ids import new_id
from common.contracts.subjects import Subject
from common.errors import NotFound, Unavailable, VersionGap
from common.messaging.consumer import MAX_DELIVERIES
from common.messaging.pull_loop import CREDIT
from common.messaging.streams import DEAD_LETTERS
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.testing import BusPeer, eventually

HEARD = Subject.TICKET_UPDATED
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_an_event_is_handled_and_acknowledged(nats_url: str, peer: BusPeer) -> None:
    heard: list[TicketUpdated] = []

    async def hear(event: TicketUpdated, _: object) -> None:
        heard.append(event)

    tally = Tally.new()
    async with consuming(nats_url, {HEARD: hear}):
        await peer.publish(tally.to_event())
        await peer.wait_acked_by(SERVICE)
    assert heard == [tally.to_event()]


async def test_what_was_said_before_is_heard(nats_url: str, peer: BusPeer) -> None:
    heard: list[TicketUpdated] = []

    async def hear(event: TicketUpdated, _: object) -> None:
        heard.append(event)

    await peer.publish(Tally.new().to_event())
    async with consuming(nats_url, {HEARD: hear}):
        await peer.wait_acked_by(SERVICE)
    assert len(heard) == 1


@pytest.mark.parametrize("early", [VersionGap, NotFound])
async def test_an_early_event_comes_again_until_it_fits(
    nats_url: str, peer: BusPeer, early: type[Exception]
) -> None:
    applied: list[int] = []

    async def apply(event: TicketUpdated, _: object) -> None:
        if event.version > len(applied):
            raise early
        applied.append(event.version)

    identity = new_id()
    async with consuming(nats_url, {HEARD: apply}):
        for version in (3, 2, 1):
            await peer.publish(Tally(identity, version).to_event())
        await peer.wait_redelivered(SERVICE)
        await peer.publish(Tally(identity, 0).to_event())
        await peer.wait_acked_by(SERVICE)
    assert applied == [0, 1, 2, 3]


async def test_an_early_event_holds_its_predecessors_up_once(
    nats_url: str, peer: BusPeer, caplog: pytest.LogCaptureFixture
) -> None:
    applied: list[int] = []

    async def apply(event: TicketUpdated, _: object) -> None:
        if event.version > len(applied):
            raise VersionGap
        applied.append(event.version)

    caplog.set_level("INFO")
    identity = new_id()
    for version in (4, 3, 2, 1, 0):
        await peer.publish(Tally(identity, version).to_event())
    async with consuming(nats_url, {HEARD: apply}):
        await peer.wait_acked_by(SERVICE)
    assert applied == [0, 1, 2, 3, 4]
    attempts = [vars(each)["attempt"] for each in caplog.records if each.message == "event waiting"]
    assert set(attempts) <= {1}  # none at all where each came alone


@pytest.mark.parametrize("outage", [Unavailable, TimeoutError])
async def test_an_event_waits_for_servers_to_come_back(
    nats_url: str, peer: BusPeer, outage: type[Exception]
) -> None:
    tried: list[TicketUpdated] = []

    async def try_it(event: TicketUpdated, _: object) -> None:
        tried.append(event)
        if len(tried) < 3:
            raise outage

    async with consuming(nats_url, {HEARD: try_it}):
        await peer.publish(Tally.new().to_event())
        await peer.wait_acked_by(SERVICE)
    assert len(tried) == 3


async def test_waiting_long_makes_no_dead_letter(
    nats_url: str, peer: BusPeer, stored: Callable[[str], Awaitable[list[RawStreamMsg]]]
) -> None:
    tried: list[TicketUpdated] = []

    async def try_it(event: TicketUpdated, _: object) -> None:
        tried.append(event)
        if len(tried) == 2 * MAX_DELIVERIES:
            raise Unavailable
        raise VersionGap if len(tried) % 2 else NotFound

    async def tried_often() -> bool:
        return len(tried) >= 2 * MAX_DELIVERIES

    async with consuming(nats_url, {HEARD: try_it}):
        await peer.publish(Tally.new().to_event())
        await eventually(tried_often)
    assert await stored(DEAD_LETTERS) == []


async def test_jobs_of_one_key_run_in_order(nats_url: str, peer: BusPeer) -> None:
    log: list[str] = []

    async def hear(event: TicketUpdated, _: object) -> None:
        log.append(f"{event.version} begins")
        await asyncio.sleep(0.001)
        log.append(f"{event.version} ends")

    identity = new_id()
    for version in range(30):
        await peer.publish(Tally(identity, version).to_event())
    async with consuming(nats_url, {HEARD: hear}):
        await peer.wait_acked_by(SERVICE)
    assert log == [f"{version} {what}" for version in range(30) for what in ("begins", "ends")]


async def test_entities_do_not_wait_for_each_other(nats_url: str, peer: BusPeer) -> None:
    slow, quick = Tally.new(), Tally.new()
    quick_is_done = asyncio.Event()

    async def hear(event: TicketUpdated, _: object) -> None:
        if event.id == slow.id:
            await quick_is_done.wait()
        else:
            quick_is_done.set()

    async with consuming(nats_url, {HEARD: hear}):
        await peer.publish(slow.to_event())
        await peer.publish(quick.to_event())
        await peer.wait_acked_by(SERVICE)


async def test_more_events_than_credit_are_heard_in_order(nats_url: str, peer: BusPeer) -> None:
    heard: dict[str, list[int]] = defaultdict(list)

    async def hear(event: TicketUpdated, _: object) -> None:
        heard[event.id].append(event.version)

    identities = [new_id() for _ in range(20)]
    versions = range(3 * CREDIT // len(identities))
    for version in versions:
        said = (Tally(identity, version).to_event() for identity in identities)
        await asyncio.gather(*(peer.publish(event) for event in said))
    async with consuming(nats_url, {HEARD: hear}):
        await peer.wait_acked_by(SERVICE)
    assert heard == {identity: list(versions) for identity in identities}


async def test_a_trace_goes_on_through_the_bus(nats_url: str, peer: BusPeer) -> None:
    traces: list[str] = []

    async def hear(_event: TicketUpdated, _: object) -> None:
        traces.append(logs.context.get()["trace_id"])

    tracing.current_traceparent.set(f"00-{TRACE}-b7ad6b7169203331-01")
    async with consuming(nats_url, {HEARD: hear}):
        await peer.publish(Tally.new().to_event())
        await peer.wait_acked_by(SERVICE)
    assert traces == [TRACE]
