"""Streams that somebody deletes or changes are as they should be again, without a restart."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, StreamConfig
from nats.js.errors import NotFoundError

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.messaging.bus import Bus
from common.messaging.streams import DEAD_LETTERS, KEPT_SECONDS, STREAM, SUBJECTS
from common.mongo import Database
from devstack.tallies import SERVICE, Tallies, Tally, announcing, hearing
from devstack.testing import Neighbour, eventually

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
    nats_url: str, neighbour: Neighbour, jetstream: JetStreamContext, what: str
) -> None:
    hearer, before, after = Hearer(), Tally.begin(), Tally.begin()
    async with hearing(nats_url, {HEARD: hearer.hear}):
        await neighbour.say(before.told())
        await hearer.has_heard(before)
        if what == "stream":
            await jetstream.delete_stream(STREAM)
        else:
            await jetstream.delete_consumer(STREAM, SERVICE)
        await neighbour.say(after.told())
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

    async with hearing(nats_url, {HEARD: Hearer().hear}):
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
    tally = Tally.begin()
    async with announcing(nats_url, database):
        await jetstream.delete_stream(STREAM)
        await tallies.add(tally)

        async def announced() -> bool:
            try:
                return [message.data for message in await stored(STREAM)] == [
                    tally.told().to_json().encode()
                ]
            except NotFoundError:
                return False

        await eventually(announced)


async def test_many_who_miss_a_stream_prepare_once(nats_url: str) -> None:
    prepared: list[int] = []

    async def prepare() -> None:
        prepared.append(1)

    async def again() -> bool:
        bus.prepare_again()
        return len(prepared) == 3

    bus = Bus(nats_url, service=SERVICE, replicas=1)
    bus.on_connected.append(prepare)
    await bus.connect()
    for _ in range(100):
        bus.prepare_again()
        await asyncio.sleep(0)
    assert len(prepared) == 1
    begun = asyncio.get_running_loop().time()
    await eventually(again)
    assert asyncio.get_running_loop().time() - begun > 0.5
    await bus.close()


@pytest.mark.usefixtures("neighbour")
async def test_a_dead_letter_is_kept_until_somebody_decides(jetstream: JetStreamContext) -> None:
    assert (await jetstream.stream_info(DEAD_LETTERS)).config.max_age == 0
    assert (await jetstream.stream_info(STREAM)).config.max_age == KEPT_SECONDS[STREAM] > 0


async def test_an_older_stream_is_mended_and_loses_nothing(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    old = StreamConfig(name=DEAD_LETTERS, subjects=["dead-letters.>", "mine"], max_age=7 * 86_400)
    await jetstream.add_stream(old)
    await jetstream.publish("dead-letters.orders", b"kept")
    async with hearing(nats_url, {HEARD: Hearer().hear}):
        config = (await jetstream.stream_info(DEAD_LETTERS)).config
    assert config.max_age == 0
    assert set(config.subjects or []) == {*SUBJECTS[DEAD_LETTERS], "mine"}
    assert (await jetstream.get_msg(DEAD_LETTERS, 1)).data == b"kept"
