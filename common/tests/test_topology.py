"""The topology: declared once, by versions side by side, and healed when somebody deletes it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    RawStreamMsg,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from common.contracts.events import Event, PaymentFailed, TicketUpdated
from common.contracts.ids import new_id
from common.contracts.subjects import Subject
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.changes import Scope, changes, make
from common.messaging.consumer import Consumer
from common.messaging.streams import DEAD_LETTERS, STREAM
from common.messaging.topology import MAX_ACK_PENDING, RETENTION_SECONDS, SUBJECTS, Topology
from common.mongo import Database
from common.topology import declare
from devstack.bus_topology import (
    TEST_SUBSCRIPTIONS,
    TOPOLOGY,
    connected,
    declare_now,
    keep_topology,
)
from devstack.counter_service import SERVICE, Tallies, Tally, consuming, publishing
from devstack.testing import BusPeer, eventually

Stored = Callable[[str], Awaitable[list[RawStreamMsg]]]

HEARD = Subject.TICKET_UPDATED


class Hearer:
    """Remembers whose events it heard."""

    def __init__(self) -> None:
        self.heard: set[str] = set()

    async def hear(self, event: TicketUpdated, _: object) -> None:
        """The handler."""
        self.heard.add(event.id)

    async def has_heard(self, tally: Tally) -> None:
        """Wait until it has heard of a tally."""

        async def there() -> bool:
            return tally.id in self.heard

        await eventually(there, f"{tally} is heard")


@pytest.mark.parametrize("what", ["stream", "consumer"])
async def test_a_connected_service_hears_again_after_a_deletion(
    nats_url: str, peer: BusPeer, jetstream: JetStreamContext, what: str
) -> None:
    hearer, before, after = Hearer(), Tally.new(), Tally.new()
    async with keep_topology(nats_url), consuming(nats_url, {HEARD: hearer.hear}):
        await peer.publish(before.to_event())
        await hearer.has_heard(before)
        if what == "stream":
            await jetstream.delete_stream(STREAM)
        else:
            await jetstream.delete_consumer(STREAM, SERVICE)
        await peer.publish(after.to_event())
        await hearer.has_heard(after)


async def test_a_silent_listener_notices_the_deletion_by_itself(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    async def listens() -> bool:
        try:
            info = await jetstream.consumer_info(STREAM, SERVICE)
        except NotFoundError:
            return False
        return bool(info.num_waiting)

    async with keep_topology(nats_url), consuming(nats_url, {HEARD: Hearer().hear}):
        await eventually(listens)
        await jetstream.delete_stream(STREAM)
        await eventually(listens)


async def test_a_connected_service_announces_again_after_a_deletion(
    nats_url: str,
    database: Database,
    tallies: Tallies,
    jetstream: JetStreamContext,
    stored: Stored,
) -> None:
    tally = Tally.new()
    async with keep_topology(nats_url), publishing(nats_url, database):
        await jetstream.delete_stream(STREAM)
        await tallies.add(tally)

        async def announced() -> bool:
            try:
                return [message.data for message in await stored(STREAM)] == [
                    tally.to_event().to_json().encode()
                ]
            except NotFoundError:
                return False

        await eventually(announced)


async def test_many_who_miss_a_stream_prepare_once(nats_url: str) -> None:
    prepared: list[int] = []

    async def prepare() -> None:
        prepared.append(1)

    async def again() -> bool:
        bus.resubscribe_soon()
        return len(prepared) == 3

    bus = Bus(nats_url, service=SERVICE)
    bus.on_connected.append(prepare)
    await bus.connect()
    for _ in range(100):
        bus.resubscribe_soon()
        await asyncio.sleep(0)
    assert len(prepared) == 1
    begun = asyncio.get_running_loop().time()
    await eventually(again)
    assert asyncio.get_running_loop().time() - begun > 0.5
    await bus.close()


@pytest.mark.usefixtures("nats_url")
async def test_a_dead_letter_is_kept_until_somebody_decides(jetstream: JetStreamContext) -> None:
    assert (await jetstream.stream_info(DEAD_LETTERS)).config.max_age == 0
    assert (await jetstream.stream_info(STREAM)).config.max_age == RETENTION_SECONDS[STREAM] > 0


async def test_an_older_stream_is_mended_and_loses_nothing(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    subjects = ["dead-letters.>", "mine"]
    old = StreamConfig(name=DEAD_LETTERS, subjects=subjects, max_age=7 * 86_400, max_msgs=1_000)
    await jetstream.delete_stream(DEAD_LETTERS)
    await jetstream.add_stream(old)
    await jetstream.publish("dead-letters.orders", b"kept")
    async with connected(nats_url) as connection:
        await declare(connection, TOPOLOGY, Scope.DECLARED)
    config = (await jetstream.stream_info(DEAD_LETTERS)).config
    assert (config.max_age, config.max_msgs) == (0, 1_000)
    assert set(config.subjects or []) == {*SUBJECTS[DEAD_LETTERS], "mine"}
    assert (await jetstream.get_msg(DEAD_LETTERS, 1)).data == b"kept"


async def hear_of(heard: list[str], event: Event, _: object) -> None:
    """A handler that remembers of what it heard."""
    heard.append(event.aggregate_id)


def version(service: str, *subjects: Subject) -> Topology:
    """What one version of the system declares, for a service that hears these subjects."""
    return Topology.of(1, {**TEST_SUBSCRIPTIONS, service: frozenset(subjects)})


async def test_versions_side_by_side_lose_no_event(nats_url: str, peer: BusPeer) -> None:
    old_version = {Subject.TICKET_UPDATED}
    new_version = {Subject.TICKET_UPDATED, Subject.PAYMENT_FAILED}
    declare_now(nats_url, version(SERVICE, *new_version))
    by_old, by_new = list[str](), list[str]()
    failed = [PaymentFailed(id=new_id(), order_id=new_id(), reason="declined") for _ in range(40)]
    old_handlers = dict.fromkeys(old_version, partial(hear_of, by_old))
    new_handlers = dict.fromkeys(new_version, partial(hear_of, by_new))
    async with (
        consuming(nats_url, new_handlers),
        keep_topology(nats_url, version(SERVICE, *old_version)),
        consuming(nats_url, old_handlers),  # the last to connect, as a replica that reconnects
    ):
        for event in failed:
            await peer.publish(event)
        await peer.publish(Tally.new().to_event())
        await peer.wait_acked_by(SERVICE)
    handled = [each for each in [*by_old, *by_new] if each in {e.aggregate_id for e in failed}]
    assert sorted(handled) == sorted(event.aggregate_id for event in failed)


async def test_a_subject_without_handler_is_no_dead_letter(
    nats_url: str, peer: BusPeer, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    declare_now(nats_url, version(SERVICE, Subject.TICKET_UPDATED, Subject.PAYMENT_FAILED))
    heard = list[str]()
    event = PaymentFailed(id=new_id(), order_id=new_id(), reason="declined")
    async with consuming(nats_url, {Subject.TICKET_UPDATED: Hearer().hear}):
        await peer.publish(event)
        await peer.wait_redelivered(SERVICE)
    assert await stored(DEAD_LETTERS) == []
    assert "handler failed" not in caplog.text
    both = dict.fromkeys([Subject.TICKET_UPDATED, Subject.PAYMENT_FAILED], partial(hear_of, heard))
    async with consuming(nats_url, both):
        await peer.wait_acked_by(SERVICE)
    assert heard == [event.aggregate_id]


async def test_a_new_subject_is_delivered_from_its_first_event(
    nats_url: str, peer: BusPeer, jetstream: JetStreamContext
) -> None:
    async def taken() -> list[str]:
        return (await jetstream.stream_info(STREAM)).config.subjects or []

    fewer = [each for each in await taken() if each != Subject.PAYMENT_FAILED.value]
    await jetstream.update_stream(name=STREAM, subjects=fewer)
    hearer, said, heard = Hearer(), list[str](), list[str]()
    wanted = version(SERVICE, HEARD, Subject.PAYMENT_FAILED)
    async with connected(nats_url) as connection, consuming(nats_url, {HEARD: hearer.hear}):
        async for change in changes(connection, wanted):
            await make(change, connection)
            if Subject.PAYMENT_FAILED.value in await taken():
                event = PaymentFailed(id=new_id(), order_id=new_id(), reason="declined")
                await peer.publish(event)
                said.append(event.aggregate_id)
            await peer.publish((tally := Tally.new()).to_event())
            await hearer.has_heard(tally)  # so the consumer has passed what was before it
    new_handlers = {Subject.PAYMENT_FAILED: partial(hear_of, heard)}
    async with consuming(nats_url, {HEARD: hearer.hear, **new_handlers}):
        await peer.wait_acked_by(SERVICE)
    assert said
    assert set(heard) == set(said)  # in any order, and what was postponed perhaps twice


async def test_an_older_declaration_takes_nothing_away(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    declare_now(nats_url, version(SERVICE, Subject.TICKET_UPDATED, Subject.PAYMENT_FAILED))
    older = version(SERVICE, Subject.TICKET_UPDATED)
    async with connected(nats_url) as connection:
        for scope in (Scope.DECLARED, Scope.MISSING):
            assert await declare(connection, older, scope) == []
            heard = (await jetstream.consumer_info(STREAM, SERVICE)).config.filter_subjects
            assert set(heard or []) == {"payment:failed", "ticket:updated", "replay.tallies"}
        [pruned] = await declare(connection, older, Scope.EXACT)
    assert pruned == "update consumer tallies: filter_subjects ['replay.tallies', 'ticket:updated']"
    heard = (await jetstream.consumer_info(STREAM, SERVICE)).config.filter_subjects
    assert set(heard or []) == {"ticket:updated", "replay.tallies"}


async def test_creating_a_consumer_late_overwrites_nothing(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    await jetstream.delete_consumer(STREAM, SERVICE)
    older = version(SERVICE, Subject.TICKET_UPDATED)
    async with connected(nats_url) as connection:
        [adding] = [each async for each in changes(connection, older)]
        declare_now(nats_url, version(SERVICE, Subject.TICKET_UPDATED, Subject.PAYMENT_FAILED))
        with pytest.raises(Unavailable, match="consumer already exists"):
            await make(adding, connection)
    heard = (await jetstream.consumer_info(STREAM, SERVICE)).config.filter_subjects
    assert set(heard or []) == {"payment:failed", "ticket:updated", "replay.tallies"}


async def test_a_consumer_deleted_during_an_update_stays_deleted(
    nats_url: str, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(nats_url) as connection:
        look = connection.jetstream.consumer_info

        async def look_and_delete(stream: str, consumer: str) -> ConsumerInfo:
            seen: ConsumerInfo = await look(stream, consumer)
            await jetstream.delete_consumer(stream, consumer)
            return seen

        wider = version(SERVICE, Subject.TICKET_UPDATED, Subject.PAYMENT_FAILED)
        [updating] = [each async for each in changes(connection, wider)]
        monkeypatch.setattr(connection.jetstream, "consumer_info", look_and_delete)
        with pytest.raises(Unavailable, match="consumer does not exist"):
            await make(updating, connection)
    with pytest.raises(NotFoundError):
        await jetstream.consumer_info(STREAM, SERVICE)


async def test_a_consumer_made_by_hand_is_used(
    nats_url: str, jetstream: JetStreamContext, peer: BusPeer
) -> None:
    await jetstream.delete_consumer(STREAM, SERVICE)
    by_hand = ConsumerConfig(
        durable_name=SERVICE, deliver_policy=DeliverPolicy.NEW, filter_subject=HEARD.value
    )
    await jetstream.add_consumer(STREAM, by_hand)
    declare_now(nats_url)
    hearer, tally = Hearer(), Tally.new()
    async with consuming(nats_url, {HEARD: hearer.hear}):
        await peer.publish(tally.to_event())
        await hearer.has_heard(tally)
    config = (await jetstream.consumer_info(STREAM, SERVICE)).config
    assert config.deliver_policy == DeliverPolicy.NEW
    assert config.max_ack_pending == MAX_ACK_PENDING


async def test_a_refused_change_blocks_no_other_change(
    nats_url: str, jetstream: JetStreamContext, caplog: pytest.LogCaptureFixture
) -> None:
    await jetstream.delete_consumer(STREAM, SERVICE)
    by_hand = ConsumerConfig(
        durable_name=SERVICE,
        deliver_policy=DeliverPolicy.NEW,
        filter_subject=HEARD.value,
        max_ack_pending=7,
    )
    await jetstream.add_consumer(STREAM, by_hand)
    await jetstream.update_stream(name=STREAM, subjects=["ticket:created"])
    refusals = {
        "update consumer tallies: deliver_policy all": "deliver policy can not be updated (10012)",
        "update stream ticketing: num_replicas 3": "replicas > 1 not supported in non-clustered"
        " mode (10074)",
        "update stream ticketing-dead-letters: num_replicas 3": "replicas > 1 not supported in"
        " non-clustered mode (10074)",
    }

    async def is_told() -> bool:
        lines = [each.__dict__ for each in caplog.records if "not as declared" in each.message]
        return {line["change"]: line["error"].removeprefix("NATS refuses: ") for line in lines} == (
            refusals
        )

    async with keep_topology(nats_url, Topology.of(3, TEST_SUBSCRIPTIONS)):
        await eventually(is_told)
    mine = (await jetstream.consumer_info(STREAM, SERVICE)).config
    assert mine.max_ack_pending == MAX_ACK_PENDING
    assert set(mine.filter_subjects or []) == {HEARD.value, f"replay.{SERVICE}"}
    assert set((await jetstream.stream_info(STREAM)).config.subjects or []) == {*SUBJECTS[STREAM]}


@pytest.mark.parametrize(
    "config",
    [
        ConsumerConfig(durable_name=SERVICE, deliver_subject="elsewhere"),
        ConsumerConfig(durable_name=SERVICE, ack_policy=AckPolicy.NONE),
    ],
    ids=["it pushes", "it waits for nothing"],
)
async def test_an_unusable_consumer_is_reported_until_it_is_deleted(
    nats_url: str, jetstream: JetStreamContext, peer: BusPeer, config: ConsumerConfig
) -> None:
    await jetstream.delete_consumer(STREAM, SERVICE)
    await jetstream.add_consumer(STREAM, config)
    bus, hearer = Bus(nats_url, service=SERVICE), Hearer()
    consumer = Consumer(bus, SERVICE, {HEARD: hearer.hear}, None)
    bus.on_connected.append(consumer.start)
    connecting = asyncio.create_task(bus.connect())

    async def says_so() -> bool:
        return bus.unready_reason.startswith("NATS' consumer tallies was not made for this")

    async with keep_topology(nats_url):
        await eventually(says_so, "it says what it waits for")
        await jetstream.delete_consumer(STREAM, SERVICE)
        await connecting
        await peer.publish((tally := Tally.new()).to_event())
        await hearer.has_heard(tally)
    await consumer.stop(1)
    await bus.close()


async def test_a_service_waits_until_its_subjects_are_declared(
    nats_url: str, peer: BusPeer, caplog: pytest.LogCaptureFixture
) -> None:
    event = PaymentFailed(id=new_id(), order_id=new_id(), reason="declined")
    heard = list[str]()
    bus = Bus(nats_url, service=SERVICE)
    consumer = Consumer(bus, SERVICE, {Subject.PAYMENT_FAILED: partial(hear_of, heard)}, None)
    bus.on_connected.append(consumer.start)
    connecting = asyncio.create_task(bus.connect())

    async def says_so() -> bool:
        return bus.unready_reason == "NATS' consumer tallies does not deliver payment:failed yet"

    await eventually(says_so, "it says what it waits for")
    await peer.publish(event)
    assert (bus.is_ready, bus.is_connected, heard) == (False, True, [])
    assert [each.__dict__["error"] for each in caplog.records if "waiting" in each.message] == [
        bus.unready_reason
    ]
    declare_now(nats_url, version(SERVICE, Subject.PAYMENT_FAILED))
    await connecting
    await peer.wait_acked_by(SERVICE)
    assert (heard, bus.unready_reason) == ([event.aggregate_id], "")
    await consumer.stop(1)
    await bus.close()


async def test_the_declared_topology_differs_in_nothing(nats_url: str) -> None:
    async with connected(nats_url) as connection:
        assert [change async for change in changes(connection, TOPOLOGY, Scope.EXACT)] == []
