"""What happens, for those who topic."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from common.contracts.events import Event, TicketUpdated
from common.contracts.subjects import Subject
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery, Inbox, PullStatus
from common.messaging.event_feed import EventFeed
from common.messaging.stream_position import StreamPosition
from common.messaging.topics import ALL_EVENTS, Topic
from devstack.bus_topology import declare_now
from devstack.quick import Processes
from devstack.servers import NatsServer
from devstack.testing import BusPeer, eventually
from devstack.ticket_history import TicketHistory


class LossyBus(Bus):
    """A bus that loses one message on its way."""

    loses = 3

    @override
    async def subscribe_inbox(
        self, receive: Callable[[Delivery | PullStatus], Awaitable[None]]
    ) -> Inbox:
        async def hear(message: Delivery | PullStatus) -> None:
            if isinstance(message, Delivery) and message.sequence == self.loses:
                self.loses = 0
                return
            await receive(message)

        return await super().subscribe_inbox(hear)


class SlowBus(Bus):
    """A bus over a line so slow that the first sign of life comes late."""

    @override
    async def subscribe_inbox(
        self, receive: Callable[[Delivery | PullStatus], Awaitable[None]]
    ) -> Inbox:
        loop, on_their_way = asyncio.get_running_loop(), set[asyncio.Task[None]]()

        async def hear(message: Delivery | PullStatus) -> None:
            loop.call_later(4, lambda: on_their_way.add(loop.create_task(arrive(message))))

        async def arrive(message: Delivery | PullStatus) -> None:
            await receive(message)

        return await super().subscribe_inbox(hear)


@asynccontextmanager
async def following(bus: Bus) -> AsyncIterator[EventFeed]:
    """Follow tickets for as long as the block."""
    feed = EventFeed(bus, [Subject.TICKET_CREATED, Subject.TICKET_UPDATED])
    bus.on_connected.append(feed.start)
    await bus.connect()
    try:
        yield feed
    finally:
        await feed.stop(1)
        await bus.close()


@pytest.fixture
async def feed(nats_url: str, peer: BusPeer) -> AsyncIterator[EventFeed]:  # noqa: ARG001 - first
    """Who follows tickets, over a bad line."""
    async with following(LossyBus(nats_url, service="tickets")) as feed:
        yield feed


async def has_heard(feed: EventFeed, count: int) -> list[str]:
    """Wait until so much item is there; about what it is."""

    async def enough() -> bool:
        return len(item()) >= count

    def item() -> list[str]:
        begin = StreamPosition(feed.position.stream, 0) if feed.position else StreamPosition.of("")
        return [each.event.aggregate_id for each in feed.since(begin) or []]

    await eventually(enough, f"{count} events")
    return item()


async def test_a_slow_line_is_waited_for(nats_url: str, peer: BusPeer) -> None:
    async with following(SlowBus(nats_url, service="tickets")) as feed:
        await peer.publish((ticket := TicketHistory()).event(0))
        assert await has_heard(feed, 1) == [ticket.id]


class Disk:
    """Of a NATS server: it can be put back to what it was when it was copied."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._processes, self._files, self._copy = processes, folder / "files", folder / "copy"
        self._log = folder / "nats.log"
        self.server = NatsServer(self._files, self._log)

    async def say(self, *events: Event) -> None:
        """Have these stored by the server."""
        await _say(self.server.url, events)

    def copy(self) -> None:
        """Remember it as it is now."""
        self.server.stop()
        shutil.copytree(self._files, self._copy)
        self.server.start()

    async def put_back(self, *events: Event) -> None:
        """Forget all since then; and have these stored before anybody is connected again."""
        self.server.stop()
        shutil.rmtree(self._files)
        shutil.copytree(self._copy, self._files)
        with self._processes.running(NatsServer(self._files, self._log)) as elsewhere:
            await _say(elsewhere.url, events)
            elsewhere.stop()
        self.server.start()


async def _say(url: str, events: Sequence[Event]) -> None:
    async with BusPeer(url).connected() as peer:
        for event in events:
            await peer.publish(event)


async def position_after(feed: EventFeed, count: int) -> StreamPosition:
    """Where it is when it has heard so much."""
    await has_heard(feed, count)
    assert feed.position
    return feed.position


@pytest.mark.parametrize("grown", [0, 9], ids=["shorter", "longer"])
async def test_a_restored_stream_is_recognized_as_another(
    processes: Processes, tmp_path: Path, caplog: pytest.LogCaptureFixture, grown: int
) -> None:
    disk, [kept, lost, other] = Disk(tmp_path, processes), [TicketHistory() for _ in range(3)]
    with processes.running(disk.server) as server:
        declare_now(server.url)
        async with following(Bus(server.url, service="tickets")) as feed:
            await disk.say(kept.event(0))
            before = await position_after(feed, 1)
            disk.copy()
            await disk.say(*(lost.event(version) for version in range(5)))
            after = await position_after(feed, 6)
            await disk.put_back(*(other.event(version) for version in range(grown)))
            await disk.say(other.event(grown))
            async with following(Bus(server.url, service="tickets")) as fresh:
                end = await position_after(fresh, 2 + grown)

                async def is_there() -> bool:
                    return feed.position == end

                await eventually(is_there, "both replicas are at one place")
                events = [other.event(version) for version in range(grown + 1)]
                for each in (feed, fresh):
                    assert each.since(after) is None
                    assert [item.event for item in each.since(before) or []] == events
    lines = [each.__dict__ for each in caplog.records if each.message == "the stream went back"]
    assert [line["from"] for line in lines] == [6]


async def test_a_message_during_the_request_is_no_new_stream(
    nats_url: str, peer: BusPeer, caplog: pytest.LogCaptureFixture
) -> None:
    bus, ticket, asked = Bus(nats_url, service="tickets"), TicketHistory(), asyncio.Event()
    extent = bus.live_consumers.extent

    async with following(bus) as feed:

        async def outdated() -> tuple[str, int, int]:
            answer = await extent()
            await peer.publish(ticket.event(1))
            await has_heard(feed, 2)
            bus.live_consumers.extent = extent  # type: ignore[method-assign]
            asked.set()
            return answer

        async def is_asked() -> bool:
            bus.resubscribe_soon()
            return asked.is_set()

        await peer.publish(ticket.event(0))
        await has_heard(feed, 1)
        bus.live_consumers.extent = outdated  # type: ignore[method-assign]
        await eventually(is_asked)
        await peer.publish(ticket.event(2))
        assert await has_heard(feed, 3) == [ticket.id] * 3
    assert "the stream went back" not in caplog.text


async def test_a_lost_message_is_received_again_in_order(feed: EventFeed, peer: BusPeer) -> None:
    ticket, begin = TicketHistory(), feed.position
    assert begin
    for version in range(6):
        await peer.publish(ticket.event(version))

    async def all_there() -> bool:
        return len(feed.since(begin) or []) >= 6

    await eventually(all_there)
    heard = [item.event for item in feed.since(begin) or []]
    assert heard == [ticket.event(version) for version in range(6)]


async def test_a_watch_wakes_for_its_own_aggregate_alone(feed: EventFeed, peer: BusPeer) -> None:
    one, other = TicketHistory(), TicketHistory()
    with feed.subscribe(one.id) as topic, feed.subscribe(ALL_EVENTS) as all_of_it:
        await peer.publish(other.event(0))
        assert await all_of_it.wait_for_change(0, 10)
        assert topic.generation == 0
        await peer.publish(one.event(0))
        assert await topic.wait_for_change(0, 10)
        assert feed.subscriber_count == 2
    assert feed.subscriber_count == 0


async def test_undecodable_messages_and_snapshots_are_no_items(
    feed: EventFeed, peer: BusPeer
) -> None:
    ticket = TicketHistory()
    await peer.publish(ticket.snapshot(4))
    await peer.publish_raw(Subject.TICKET_UPDATED, b"{", {})
    with feed.subscribe(ALL_EVENTS) as topic:
        await peer.publish(ticket.event(5))
        assert await topic.wait_for_change(topic.generation, 10)
    [item] = (
        feed.since(
            StreamPosition(feed.position.stream, 0) if feed.position else StreamPosition.of("")
        )
        or []
    )
    assert isinstance(item.event, TicketUpdated)
    assert item.event.version == 5


async def test_a_shared_read_serves_all_of_a_generation() -> None:
    topic, looks = Topic(), 0

    async def look() -> int:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return looks

    for expected in (1, 2):
        assert await asyncio.gather(*(topic.read_shared(look) for _ in range(5))) == [expected] * 5
        topic.notify()


async def test_a_change_before_the_wait_ends_it_at_once() -> None:
    topic = Topic()
    seen = topic.generation
    topic.notify()
    assert await topic.wait_for_change(seen, 0)
    assert not await topic.wait_for_change(topic.generation, 0)


@pytest.mark.parametrize("text", ["", "-", "a", "a-", "a--1", "a-1x", "a-²", "a-" + "1" * 20])
def test_an_invented_place_is_nowhere(text: str) -> None:
    assert StreamPosition.of(text) == StreamPosition("", -1)
    assert StreamPosition.of(str(StreamPosition("cafe", 12))) == StreamPosition("cafe", 12)
