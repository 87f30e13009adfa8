"""A service keeps hearing, whatever becomes of the bus and of its other replicas."""

import asyncio
from collections import Counter
from collections.abc import Callable
from math import inf

import pytest
from nats.js import JetStreamContext

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.messaging.consumer import Handlers
from common.messaging.streams import STREAM
from devstack.bus_topology import declare_now, with_ack_wait
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.servers import NatsServer
from devstack.testing import TIMEOUT_SECONDS, BusPeer, eventually


class Listener:
    """Remembers whose events it heard; hears no more than `most` until it may go on."""

    def __init__(self, most: float = inf) -> None:
        self.heard: Counter[str] = Counter()
        self.go_on = asyncio.Event()
        self._most = most

    @property
    def handlers(self) -> Handlers:
        """What it hears with."""
        return {Subject.TICKET_UPDATED: self._hear}

    async def _hear(self, event: TicketUpdated, _: object) -> None:
        if len(self.heard) >= self._most:
            await self.go_on.wait()
        await asyncio.sleep(0)
        self.heard[event.id] += 1

    async def has_heard(self, count: int) -> None:
        """Wait until it has heard of so many."""

        async def enough() -> bool:
            return len(self.heard) >= count

        await eventually(enough, f"{count} events")


async def say(peer: BusPeer, count: int) -> set[str]:
    """Have the peer say something of so many tallies, as soon as it can."""

    async def connected() -> bool:
        return peer.bus.is_connected

    await eventually(connected)
    begun = [Tally.new() for _ in range(count)]
    await asyncio.gather(*(peer.publish(tally.to_event()) for tally in begun))
    return {tally.id for tally in begun}


@pytest.fixture
def no_second_delivery(nats_url: str) -> None:
    """What was taken and forgotten comes again too late for any patience."""
    declare_now(nats_url, with_ack_wait(10 * TIMEOUT_SECONDS))


@pytest.mark.parametrize("end", [NatsServer.stop, NatsServer.kill])
async def test_it_hears_again_after_a_restart(
    nats_url: str, nats_server: NatsServer, peer: BusPeer, end: Callable[[NatsServer], None]
) -> None:
    listener = Listener()
    async with consuming(nats_url, listener.handlers):
        said = await say(peer, 3)
        await peer.wait_acked_by(SERVICE)
        end(nats_server)
        nats_server.start()
        said |= await say(peer, 3)
        await listener.has_heard(6)
    assert set(listener.heard) == said


async def test_a_crash_of_the_bus_hides_nothing(
    nats_url: str, nats_server: NatsServer, peer: BusPeer
) -> None:
    listener = Listener(most=100)
    said = await say(peer, 1_000)
    async with consuming(nats_url, listener.handlers):
        await listener.has_heard(100)
        nats_server.kill()
        listener.go_on.set()
        nats_server.spawn()
        said |= await say(peer, 3)
        await listener.has_heard(1_003)
    assert set(listener.heard) == said


async def test_replicas_share_the_work(nats_url: str, peer: BusPeer) -> None:
    one, two, said = Listener(), Listener(), set[str]()

    async def both_work() -> bool:
        said.update(await say(peer, 200))
        await peer.wait_acked_by(SERVICE)
        return min(len(one.heard), len(two.heard)) > 20

    async with consuming(nats_url, one.handlers), consuming(nats_url, two.handlers):
        await eventually(both_work, "both hear more than 20")
    assert one.heard + two.heard == Counter(said)


async def test_stopping_finishes_what_was_taken(
    nats_url: str, peer: BusPeer, jetstream: JetStreamContext
) -> None:
    listener = Listener(most=0)

    async def taken() -> bool:
        info = await jetstream.consumer_info(STREAM, SERVICE)
        return bool(info.num_ack_pending == 20)

    async def asks_no_more() -> bool:
        return not (await jetstream.consumer_info(STREAM, SERVICE)).num_waiting

    async with consuming(nats_url, listener.handlers) as consumer:
        said = await say(peer, 20)
        await eventually(taken)
        stopping = asyncio.create_task(consumer.stop(TIMEOUT_SECONDS))
        await eventually(asks_no_more)
        listener.go_on.set()
        await stopping
        assert listener.heard == Counter(said)
        await peer.wait_acked_by(SERVICE)


@pytest.mark.usefixtures("no_second_delivery")
async def test_a_stop_hands_over_what_is_not_finished(
    nats_url: str, peer: BusPeer, jetstream: JetStreamContext
) -> None:
    hanging, replaced = asyncio.Event(), Listener()

    async def hang(_event: TicketUpdated, _: object) -> None:
        hanging.set()
        await asyncio.Event().wait()

    async def taken() -> bool:
        return bool((await jetstream.consumer_info(STREAM, SERVICE)).num_ack_pending == 6)

    tallies = [Tally.new(), Tally.new()]
    async with consuming(nats_url, {Subject.TICKET_UPDATED: hang}) as consumer:
        for tally in tallies:  # the first of each hangs, and two wait for it in their lane
            for version in range(3):
                await peer.publish(Tally(tally.id, version).to_event())
        await hanging.wait()
        await eventually(taken)
        await consumer.stop(0.1)
        async with consuming(nats_url, replaced.handlers):
            await peer.wait_acked_by(SERVICE)
    assert replaced.heard == {tally.id: 3 for tally in tallies}


async def test_what_is_said_after_stopping_waits(nats_url: str, peer: BusPeer) -> None:
    early, late = Listener(), Listener()
    async with consuming(nats_url, early.handlers) as consumer:
        before = await say(peer, 1)
        await peer.wait_acked_by(SERVICE)
        await consumer.stop(1)
        await consumer.start()  # as a reconnection would
        after = await say(peer, 3)
    async with consuming(nats_url, late.handlers):
        await peer.wait_acked_by(SERVICE)
    assert (early.heard, late.heard) == (Counter(before), Counter(after))


@pytest.mark.usefixtures("no_second_delivery")
async def test_a_replica_that_stops_delays_nothing(nats_url: str, peer: BusPeer) -> None:
    staying, heard, said = Listener(), Counter[str](), set[str]()
    async with consuming(nats_url, staying.handlers):
        for _ in range(5):
            leaving = Listener()
            async with consuming(nats_url, leaving.handlers) as consumer:
                said |= await say(peer, 50)
                saying = asyncio.create_task(say(peer, 1_000))
                await leaving.has_heard(20)
                _, more = await asyncio.gather(consumer.stop(TIMEOUT_SECONDS), say(peer, 200))
            said |= more | await saying
            heard += leaving.heard
        await peer.wait_acked_by(SERVICE)
    assert staying.heard + heard == Counter(said)
