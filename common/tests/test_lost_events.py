"""Events that were dropped before they were heard: noticed, told once, and said again."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from common.contracts.events import TicketUpdated
from common.contracts.requests import RepublishRun, ServiceRequest
from common.contracts.subjects import Subject
from common.messaging import lost_events
from common.messaging.bus import Bus
from common.messaging.lost_events import LOST, MISSING, LostEvents
from common.messaging.streams import STREAM
from common.mongo import Database
from common.read_models import CHECKPOINTS
from devstack.bus_topology import declare_now
from devstack.counter_service import SERVICE, Tally, consuming
from devstack.owner import responder
from devstack.testing import BusPeer, eventually

OWNER = "peer"
Break = Callable[["Scene"], Awaitable[None]]


class Owner:
    """ErrorMessage everything again when it is asked."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []
        self.is_done = asyncio.Event()

    async def answer(self, question: bytes) -> bytes:
        """It is at run 7."""
        self.asked.append(RepublishRun.model_validate_json(question).number)
        return RepublishRun(number=7, done=self.is_done.is_set()).model_dump_json().encode()


class Scene:
    """A service that is off while something happens to the stream."""

    def __init__(self, url: str, peer: BusPeer, jetstream: JetStreamContext) -> None:
        self.url, self.peer, self.jetstream = url, peer, jetstream
        self.heard: list[int] = []

    async def _hear(self, event: TicketUpdated, _: object) -> None:
        self.heard.append(event.version)

    async def say(self, count: int) -> None:
        """So many tickets change."""
        for _ in range(count):
            await self.peer.publish(Tally.new().to_event())

    async def hear(self) -> None:
        """The service runs until it has heard everything."""
        async with consuming(self.url, {Subject.TICKET_UPDATED: self._hear}):
            await self.peer.wait_acked_by(SERVICE)


@pytest.fixture
def scene(nats_url: str, peer: BusPeer, jetstream: JetStreamContext) -> Scene:
    """An empty stream."""
    return Scene(nats_url, peer, jetstream)


def watching(bus: Bus, database: Database) -> LostEvents:
    """One replica's watch; all keep what they know in one place."""
    return LostEvents(bus, SERVICE, database.collection(CHECKPOINTS), [OWNER])


@pytest.fixture
def lost(bus: Bus, database: Database) -> LostEvents:
    """A replica's watch."""
    return watching(bus, database)


async def _purge(scene: Scene) -> None:
    await scene.say(3)
    await scene.jetstream.purge_stream(STREAM)


async def _retain_less(scene: Scene) -> None:
    config = (await scene.jetstream.stream_info(STREAM)).config
    await scene.say(4)
    await scene.jetstream.update_stream(config.evolve(max_msgs=2))


async def _make_the_stream_anew(scene: Scene) -> None:
    await scene.say(3)
    await scene.jetstream.delete_stream(STREAM)
    await asyncio.to_thread(declare_now, scene.url)


async def _make_the_consumer_anew(scene: Scene) -> None:
    await scene.say(3)
    config = (await scene.jetstream.consumer_info(STREAM, SERVICE)).config
    await scene.jetstream.delete_consumer(STREAM, SERVICE)
    late = ConsumerConfig(
        durable_name=SERVICE,
        filter_subjects=config.filter_subjects,
        deliver_policy=DeliverPolicy.NEW,
    )
    await scene.jetstream.add_consumer(STREAM, late)


LOSSES: dict[Break, str] = {
    _purge: "events 3 to 5 were dropped before tallies heard them",
    _retain_less: "events 3 to 4 were dropped before tallies heard them",
    _make_the_stream_anew: "the stream was made anew after event 2",
    _make_the_consumer_anew: "the consumer tallies was made anew after event 2, and begins late",
}


@asynccontextmanager
async def run_owner(url: str) -> AsyncIterator[Owner]:
    """An owner that can be asked."""
    owner = Owner()
    async with responder(url, OWNER, {ServiceRequest.REPUBLISH: owner.answer}):
        yield owner


@asynccontextmanager
async def running(lost: LostEvents) -> AsyncIterator[None]:
    """It looks and heals beside the block."""
    task = asyncio.create_task(lost.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def heard_two(scene: Scene, lost: LostEvents) -> None:
    """Two events are heard, and the service knows it."""
    await scene.say(2)
    await scene.hear()
    assert await lost.is_whole()


@pytest.mark.parametrize("happens", LOSSES, ids=lambda happens: happens.__name__.strip("_"))
async def test_a_loss_is_reported_once_by_all_replicas(
    scene: Scene,
    bus: Bus,
    database: Database,
    happens: Break,
    caplog: pytest.LogCaptureFixture,
) -> None:
    replicas = [watching(bus, database) for _ in range(3)]
    await heard_two(scene, replicas[0])
    before = LOST._value.get()
    await happens(scene)
    with caplog.at_level(logging.ERROR):
        whole = await asyncio.gather(*(replica.is_whole() for replica in replicas))
        again = [await replica.is_whole() for replica in replicas]
    assert not any([*whole, *again])
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.__dict__["lost"] for record in errors] == [LOSSES[happens]]
    assert LOST._value.get() == before + 1
    assert await replicas[0].gauges().collect() == {MISSING: 1.0}


async def test_a_drop_of_consumed_events_is_no_loss(scene: Scene, lost: LostEvents) -> None:
    await heard_two(scene, lost)
    await scene.say(3)
    await scene.hear()
    assert await lost.is_whole()
    await scene.jetstream.purge_stream(STREAM)
    assert await lost.is_whole()


async def test_what_others_say_may_be_dropped(scene: Scene, lost: LostEvents) -> None:
    await heard_two(scene, lost)
    for _ in range(2):  # the second look knows where the stream ended at the first
        await scene.jetstream.publish(Subject.PAYMENT_FAILED, b"{}")
        assert await lost.is_whole()
    await scene.jetstream.purge_stream(STREAM, keep=1)
    assert await lost.is_whole()


async def test_owners_are_asked_until_they_have_republished(
    scene: Scene, lost: LostEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_events, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(lost_events, "CHECK_SECONDS", 0.05)
    await heard_two(scene, lost)
    await _purge(scene)

    async def is_whole() -> bool:
        return await lost.is_whole()

    async with run_owner(scene.url) as owner, running(lost):

        async def asked_three_times() -> bool:
            return len(owner.asked) >= 3

        await eventually(asked_three_times)
        assert not await lost.is_whole()
        owner.is_done.set()
        await eventually(is_whole)
    assert owner.asked[0] is None
    assert set(owner.asked[1:]) == {7}


async def test_another_replica_keeps_requesting_the_same_run(
    scene: Scene, bus: Bus, database: Database, lost: LostEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_events, "RETRY_SECONDS", 0.05)
    await heard_two(scene, lost)
    await _purge(scene)
    async with run_owner(scene.url) as owner:

        async def asked(times: int) -> None:
            async def so_often() -> bool:
                return len(owner.asked) >= times

            await eventually(so_often)

        async with running(lost):
            await asked(2)
        before = len(owner.asked)
        async with running(watching(bus, database)):
            await asked(before + 1)
        assert set(owner.asked[before:]) == {7}


def test_requests_are_pinned_on_the_wire() -> None:
    assert json.loads(RepublishRun(number=7).model_dump_json()) == {"number": 7, "done": False}
    assert [question.value for question in ServiceRequest] == ["watermark", "republish"]
