"""What happens, for those who watch."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from typing_extensions import override

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.messaging.bus import Bus
from common.messaging.delivery import Delivery, Inbox, PullStatus
from common.messaging.live import Live, Place
from common.messaging.watches import ANYTHING, Watch
from devstack.testing import Neighbour, eventually
from devstack.ticket_history import TicketHistory


class LossyBus(Bus):
    """A bus that loses one message on its way."""

    loses = 3

    @override
    async def listen(self, receive: Callable[[Delivery | PullStatus], Awaitable[None]]) -> Inbox:
        async def hear(message: Delivery | PullStatus) -> None:
            if isinstance(message, Delivery) and message.sequence == self.loses:
                self.loses = 0
                return
            await receive(message)

        return await super().listen(hear)


@pytest.fixture
async def live(nats_url: str, neighbour: Neighbour) -> AsyncIterator[Live]:  # noqa: ARG001 - first
    """Who follows tickets, over a bad line."""
    bus = LossyBus(nats_url, service="tickets")
    live = Live(bus, [Subject.TICKET_CREATED, Subject.TICKET_UPDATED])
    bus.on_connected.append(live.start)
    await bus.connect()
    yield live
    await live.stop(1)
    await bus.close()


async def test_what_got_lost_on_the_way_is_heard_again_and_in_order(
    live: Live, neighbour: Neighbour
) -> None:
    ticket, begin = TicketHistory(), live.place
    assert begin
    for version in range(6):
        await neighbour.say(ticket.event(version))

    async def all_there() -> bool:
        return len(live.since(begin) or []) >= 6

    await eventually(all_there)
    heard = [news.event for news in live.since(begin) or []]
    assert heard == [ticket.event(version) for version in range(6)]


async def test_a_watch_wakes_for_its_own_aggregate_alone(live: Live, neighbour: Neighbour) -> None:
    one, other = TicketHistory(), TicketHistory()
    with live.watching(one.id) as watch, live.watching(ANYTHING) as all_of_it:
        await neighbour.say(other.event(0))
        assert await all_of_it.beyond(0, 10)
        assert watch.news == 0
        await neighbour.say(one.event(0))
        assert await watch.beyond(0, 10)
        assert live.followers == 2
    assert live.followers == 0


async def test_what_is_unreadable_or_a_snapshot_is_no_news(
    live: Live, neighbour: Neighbour
) -> None:
    ticket = TicketHistory()
    await neighbour.say(ticket.snapshot(4))
    await neighbour.say_raw(Subject.TICKET_UPDATED, b"{", {})
    with live.watching(ANYTHING) as watch:
        await neighbour.say(ticket.event(5))
        assert await watch.beyond(watch.news, 10)
    [news] = live.since(Place(live.place.stream, 0) if live.place else Place.of("")) or []
    assert isinstance(news.event, TicketUpdated)
    assert news.event.version == 5


async def test_one_look_answers_all_who_ask_about_the_same_news() -> None:
    watch, looks = Watch(), 0

    async def look() -> int:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return looks

    for expected in (1, 2):
        assert await asyncio.gather(*(watch.read(look) for _ in range(5))) == [expected] * 5
        watch.wake()


async def test_news_that_came_while_nobody_waited_is_not_waited_for() -> None:
    watch = Watch()
    seen = watch.news
    watch.wake()
    assert await watch.beyond(seen, 0)
    assert not await watch.beyond(watch.news, 0)


@pytest.mark.parametrize("text", ["", "-", "a", "a-", "a--1", "a-1x", "a-²", "a-" + "1" * 20])
def test_an_invented_place_is_nowhere(text: str) -> None:
    assert Place.of(text) == Place("", -1)
    assert Place.of(str(Place("cafe", 12))) == Place("cafe", 12)
