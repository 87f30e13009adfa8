"""One bad or busy entity, or a long outage, does not hold up the others."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from nats.js.api import RawStreamMsg

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.errors import VersionGap
from common.messaging import consumer
from common.messaging.consumer import MAX_DELIVERIES
from common.messaging.streams import DEAD_LETTERS, STREAM
from common.mongo import Database
from devstack.bus_topology import declare_now, with_ack_wait
from devstack.counter_service import SERVICE, Tallies, Tally, consuming, publishing
from devstack.servers import NatsServer
from devstack.testing import TIMEOUT_SECONDS, BusPeer, eventually

Stored = Callable[[str], Awaitable[list[RawStreamMsg]]]

HEARD = Subject.TICKET_UPDATED
HALFWAY = 500


async def say(peer: BusPeer, tallies: list[Tally]) -> None:
    """Have all of it in the stream, in this order."""
    for begin in range(0, len(tallies), 100):
        page = tallies[begin : begin + 100]
        await asyncio.gather(*(peer.publish(tally.to_event()) for tally in page))


def history(length: int) -> list[Tally]:
    """All versions of one tally."""
    tally = Tally.new()
    return [Tally(tally.id, version) for version in range(length)]


async def test_a_failing_message_delays_no_other(
    nats_url: str, peer: BusPeer, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HANDLER_SECONDS", TIMEOUT_SECONDS)
    poison, others = Tally.new(), [Tally.new() for _ in range(3_000)]
    heard, may_end = Counter[str](), asyncio.Event()

    async def hear(event: TicketUpdated, _: object) -> None:
        heard[event.id] += 1
        if event.id == poison.id:
            await may_end.wait()  # its first one takes as long as all others
            raise RuntimeError("a defect")

    async def all_others() -> bool:
        return len(heard) > len(others)

    await say(peer, [poison])
    for number in range(20):
        await peer.publish_raw(HEARD, b"what?", {"Nats-Msg-Id": f"unreadable-{number}"})
        await say(peer, others[150 * number : 150 * (number + 1)])
    async with consuming(nats_url, {HEARD: hear}):
        await eventually(all_others)
        may_end.set()
        await peer.wait_acked_by(SERVICE)
    assert heard == Counter({tally.id: 1 for tally in others}) + Counter(
        {poison.id: MAX_DELIVERIES}
    )
    dead = [letter.subject for letter in await stored(DEAD_LETTERS)]
    assert dead.count(f"dead-letters.{SERVICE}") == 21


class Replica:
    """What a service knows of a busy entity and of others, in the place of a database."""

    def __init__(self, busy: str, seconds: float = 0) -> None:
        self._busy, self._seconds = busy, seconds
        self.go, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.others: list[str] = []
        self.applied = 0
        self.tried: list[int] = []

    async def has_applied(self, count: int) -> None:
        """Wait until it has got so far with the busy entity."""

        async def there() -> bool:
            return self.applied >= count

        await eventually(there, f"{count} are applied")

    async def has_heard_of_others(self, count: int) -> None:
        """Wait until it has heard so much of the others."""

        async def there() -> bool:
            return len(self.others) >= count

        await eventually(there, f"{count} others are heard")

    async def hear(self, event: TicketUpdated, _: object) -> None:
        """Only the busy entity is slow; it stops halfway unless it may go on."""
        await self.go.wait()
        if event.id != self._busy:
            self.others.append(event.id)
            return
        self.tried.append(event.version)
        await asyncio.sleep(self._seconds)
        if event.version == HALFWAY:
            await self.go_on.wait()
        if event.version > self.applied:
            raise VersionGap
        if event.version == self.applied:
            self.applied += 1


@pytest.mark.parametrize("replicas", [1, 2])
async def test_a_busy_aggregate_delays_no_other(
    nats_url: str, peer: BusPeer, replicas: int
) -> None:
    busy, others = history(2 * HALFWAY), [Tally.new() for _ in range(200)]
    replica = Replica(busy[0].id, seconds=0.003)
    replica.go_on.clear()
    async with AsyncExitStack() as running:
        for _ in range(replicas):
            await running.enter_async_context(consuming(nats_url, {HEARD: replica.hear}))
        await say(peer, busy + others)
        replica.go.set()
        await replica.has_heard_of_others(len(others))
        replica.go_on.set()
        for part in range(100, len(busy) + 1, 100):  # patience as long as it gets on
            await replica.has_applied(part)
        await peer.wait_acked_by(SERVICE)
    assert sorted(replica.others) == sorted(tally.id for tally in others)
    assert replica.applied == len(busy)


async def test_events_of_a_busy_aggregate_stay_in_order(nats_url: str, peer: BusPeer) -> None:
    busy = history(1_000)
    replica = Replica(busy[0].id)
    replica.go.set()
    await say(peer, busy)
    async with consuming(nats_url, {HEARD: replica.hear}):
        await peer.wait_acked_by(SERVICE)
    assert replica.tried == list(range(1_000))


async def test_a_long_queued_message_is_not_redelivered(
    nats_url: str, peer: BusPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ack_wait_seconds = 3
    declare_now(nats_url, with_ack_wait(ack_wait_seconds))
    monkeypatch.setattr(consumer, "PROGRESS_SECONDS", 0.3)
    busy = history(300)
    replica = Replica(busy[0].id)
    await say(peer, busy)
    async with consuming(nats_url, {HEARD: replica.hear}):
        await peer.wait_ack_pending(SERVICE, len(busy))
        await asyncio.sleep(1.5 * ack_wait_seconds)  # longer than the bus would wait
        replica.go.set()
        await peer.wait_acked_by(SERVICE)
    assert replica.tried == list(range(300))


async def test_events_with_one_ordering_key_are_in_order(nats_url: str, peer: BusPeer) -> None:
    log: list[str] = []

    async def hear(event: TicketUpdated, _: object) -> None:
        log.append(f"{event.id} begins")
        await asyncio.sleep(0.001)
        log.append(f"{event.id} ends")

    said = [Tally.new() for _ in range(20)]
    for tally in said:
        await peer.publish(tally.to_event())
    async with consuming(nats_url, {HEARD: hear}, ordering_key=lambda event: event.user_id):
        await peer.wait_acked_by(SERVICE)
    assert log == [f"{tally.id} {what}" for tally in said for what in ("begins", "ends")]


async def test_new_changes_overtake_the_backlog_of_an_outage(
    nats_url: str,
    nats_server: NatsServer,
    database: Database,
    tallies: Tallies,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common.messaging.backlog.BATCH_SIZE", 50)
    old = [Tally.new() for _ in range(2_500)]
    new: list[Tally] = []

    async def change_something() -> None:
        new.append(Tally.new())
        await tallies.add(new[-1])

    async def drained() -> bool:
        if len(new) < 50:
            await change_something()
        return await tallies.collection.find_one({"outboxSince": {"$exists": True}}) is None

    async with publishing(nats_url, database) as bus:
        nats_server.kill()
        await asyncio.gather(*(tallies.add(tally) for tally in old))
        await asyncio.gather(*(tallies.update(tally.id, Tally.count) for tally in old))
        bus.on_connected.append(change_something)
        nats_server.spawn()
        await eventually(lambda: is_there(new))
        await eventually(drained)
    said = [message.headers["Nats-Msg-Id"] for message in await stored(STREAM) if message.headers]
    backlog = {told(each) for tally in old for each in (tally, tally.count())}
    assert Counter(said) == Counter(backlog) + Counter(told(one) for one in new)
    position = {message_id: position for position, message_id in enumerate(said)}
    assert all(position[told(tally)] < position[told(tally.count())] for tally in old)
    behind_the_first = backlog.intersection(said[position[told(new[0])] :])
    assert len(behind_the_first) > len(backlog) / 2


async def is_there(changes: list[Tally]) -> bool:
    """Whether there is a change."""
    return bool(changes)


def told(tally: Tally) -> str:
    """The message id that announces this version."""
    return f"{HEARD}:{tally.id}:{tally.version}"
