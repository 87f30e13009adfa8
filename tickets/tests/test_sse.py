"""Watching the stream over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.events import OrderCancelled, OrderCompleted, OrderCreated
from common.messaging import event_feed
from common.web import sse
from devstack.bus_topology import keep_topology
from devstack.event_source import open_event_source
from devstack.jetstream import delete_all_streams
from devstack.order_history import OrderHistory
from devstack.servers import NatsServer
from devstack.testing import BusPeer, Session, SignIn, eventually, serving
from tickets.main import create_app
from tickets.repository import TicketRepository
from tickets.settings import Settings

EVENTS = "/api/tickets/events"
OPERA = {"title": "Opera", "price": 25}


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A browser before the service: a real server, for an answer that does not end."""
    async with serving(app) as url, AsyncClient(base_url=url, timeout=15) as client:
        await ready(client)
        yield client


async def ready(client: AsyncClient) -> None:
    """Wait until the service follows its own events."""

    async def there() -> bool:
        return (await client.get("/readyz")).status_code == 200

    await eventually(there)


async def offer(client: AsyncClient, seller: Session, title: str) -> dict[str, object]:
    """Put a ticket up for sale; the ticket."""
    body = {"title": title, "price": 20}
    answer = await client.post("/api/tickets", json=body, headers=seller.headers)
    ticket: dict[str, object] = answer.json()
    return ticket


async def test_sse_sends_tickets_as_get_shows_them(
    client: AsyncClient, peer: BusPeer, seller: Session
) -> None:
    async with open_event_source(client, EVENTS) as source:
        ticket = await offer(client, seller, "Concert")
        path = f"/api/tickets/{ticket['id']}"
        shown = [ticket]
        shown.append((await client.put(path, json=OPERA, headers=seller.headers)).json())
        order = OrderHistory("buyer", ticket_id=str(ticket["id"]))
        for version, kind in enumerate((OrderCreated, OrderCompleted)):
            await peer.publish(order.event(kind, version))
            await source.wait_for(len(shown) + 1)
            shown.append((await client.get(path)).json())
        assert [event.data for event in source.events] == shown
    assert [each["status"] for each in shown] == ["free", "free", "held", "sold"]
    assert {event.type for event in source.events} == {"ticket"}
    assert source.retry == 2000


async def test_the_answer_is_kept_by_nobody(client: AsyncClient) -> None:
    async with client.stream("GET", EVENTS) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_stream_goes_on_where_it_was_cut(client: AsyncClient, seller: Session) -> None:
    async with open_event_source(client, EVENTS) as source:
        await offer(client, seller, "1")
        await source.wait_for(1)
    missed = [await offer(client, seller, title) for title in "23"]
    async with open_event_source(client, EVENTS, last_event_id=source.last_event_id) as resumed:
        later = await offer(client, seller, "4")
        await resumed.wait_for(3)
        assert [event.data for event in resumed.events] == [*missed, later]


async def test_stream_without_position_misses_nothing(client: AsyncClient, seller: Session) -> None:
    async with open_event_source(client, EVENTS) as source:
        await eventually(lambda: _is(source.last_event_id is not None))
    missed = await offer(client, seller, "Concert")
    async with open_event_source(client, EVENTS, last_event_id=source.last_event_id) as resumed:
        assert [event.data for event in await resumed.wait_for(1)] == [missed]


async def _is(fact: bool) -> bool:
    return fact


@pytest.mark.parametrize("unknown", ["0", "", "x" * 500, "0-1", "00000000-99999999999999999999"])
async def test_unknown_position_gets_reset(
    client: AsyncClient, seller: Session, unknown: str
) -> None:
    async with open_event_source(client, EVENTS, headers={"Last-Event-ID": unknown}) as source:
        [reset] = await source.wait_for(1)
        assert (reset.type, source.last_event_id) == ("reset", reset.id)
        ticket = await offer(client, seller, "Concert")
        assert (await source.wait_for(2))[1].data == ticket


async def test_position_out_of_memory_gets_reset(
    environment: dict[str, str], seller: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "MAX_ITEMS", 3)
    app = create_app(Settings.model_validate(environment))
    async with serving(app) as url, AsyncClient(base_url=url) as client:
        await ready(client)
        async with open_event_source(client, EVENTS) as source:
            for number in range(5):
                await offer(client, seller, str(number))
            events = await source.wait_for(5)
        async with open_event_source(client, EVENTS, last_event_id=events[1].id) as just_in_time:
            assert await just_in_time.wait_for(3) == events[2:]
        async with open_event_source(client, EVENTS, last_event_id=events[0].id) as late:
            heard = await late.wait_for(1)
    assert [(each.type, each.id) for each in heard] == [("reset", events[4].id)]


async def test_replicas_resume_each_others_streams(
    client: AsyncClient, environment: dict[str, str], seller: Session
) -> None:
    other_app = create_app(Settings.model_validate(environment))
    async with serving(other_app) as url, AsyncClient(base_url=url) as other:
        await ready(other)
        async with (
            open_event_source(client, EVENTS) as here,
            open_event_source(other, EVENTS) as there,
        ):
            for number in range(4):
                await offer((client, other)[number % 2], seller, str(number))
            assert await here.wait_for(4) == await there.wait_for(4)
        missed = await offer(client, seller, "missed")
        async with open_event_source(other, EVENTS, last_event_id=here.last_event_id) as resumed:
            assert [event.data for event in await resumed.wait_for(1)] == [missed]


async def test_a_restarted_replica_resumes_what_another_one_told(
    client: AsyncClient, environment: dict[str, str], seller: Session
) -> None:
    async with open_event_source(client, EVENTS) as source:
        await offer(client, seller, "heard")
        await source.wait_for(1)
    missed = await offer(client, seller, "missed")
    fresh = create_app(Settings.model_validate(environment))
    async with serving(fresh) as url, AsyncClient(base_url=url) as other:
        await ready(other)
        async with open_event_source(other, EVENTS, last_event_id=source.last_event_id) as resumed:
            assert [event.data for event in await resumed.wait_for(1)] == [missed]


async def test_an_outage_of_the_bus_makes_no_gap(
    client: AsyncClient, nats_server: NatsServer, seller: Session
) -> None:
    async with open_event_source(client, EVENTS) as source:
        told = [await offer(client, seller, "before")]
        await source.wait_for(1)
        nats_server.kill()
        told.append(await offer(client, seller, "meanwhile"))
        async with open_event_source(client, EVENTS, last_event_id=source.last_event_id) as second:
            nats_server.ensure_running()
            told.append(await offer(client, seller, "after"))
            await source.wait_for(3)
            await second.wait_for(2)
        titles = [event.data.get("title") for event in source.events]
        assert (titles[0], set(titles[1:])) == ("before", {"meanwhile", "after"})
        assert [event.data for event in second.events] == [
            event.data for event in source.events[1:]
        ]
        assert source.is_open


async def test_a_stream_that_somebody_deleted_is_begun_anew(
    client: AsyncClient, nats_server: NatsServer, seller: Session
) -> None:
    async with keep_topology(nats_server.url), open_event_source(client, EVENTS) as source:
        await offer(client, seller, "before")
        await source.wait_for(1)
        delete_all_streams(nats_server.port)
        await source.wait_for(2)
        await offer(client, seller, "after")
        await source.wait_for(3)
    assert [event.type for event in source.events] == ["ticket", "reset", "ticket"]


async def test_a_republished_state_is_no_news(
    client: AsyncClient, tickets: TicketRepository, peer: BusPeer, seller: Session
) -> None:
    async with open_event_source(client, EVENTS) as source:
        first = await offer(client, seller, "Concert")
        await peer.publish((await tickets.get(str(first["id"]))).snapshot)
        second = await offer(client, seller, "Opera")
        await source.wait_for(2)
        assert [event.data for event in source.events] == [first, second]


async def test_silence_is_filled_with_heartbeats(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.05)
    async with open_event_source(client, EVENTS) as source:
        await eventually(lambda: _is(len(source.comments) > 2))
    assert set(source.comments) == {"heartbeat"}


async def test_there_is_a_limit_to_open_streams(
    environment: dict[str, str],
) -> None:
    app = create_app(Settings.model_validate({**environment, "event_streams_limit": 2}))
    async with serving(app) as url, AsyncClient(base_url=url) as client:
        await ready(client)
        async with open_event_source(client, EVENTS), open_event_source(client, EVENTS):
            refused = await client.get(EVENTS)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        async with open_event_source(
            client, EVENTS, reconnect=True
        ) as admitted:  # when both have gone
            assert admitted.is_open


async def test_shutdown_ends_open_and_new_streams(
    client: AsyncClient, app: FastAPI, sign_in: SignIn
) -> None:
    async with open_event_source(client, EVENTS) as source:
        for end in app.state.shutdown.on_drain:
            end()
        await source.wait_closed()
    late = await client.get(EVENTS)
    assert (late.status_code, late.text) == (200, "retry: 2000\n\n")
    assert (await offer(client, sign_in(), "Concert"))["title"] == "Concert"


async def test_a_closed_page_leaves_nothing_behind(client: AsyncClient, app: FastAPI) -> None:
    feed: event_feed.EventFeed = app.state.event_feed
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(_open_and_close(client))
    await eventually(lambda: _is(feed.subscriber_count == 0))


async def _open_and_close(client: AsyncClient) -> None:
    async with open_event_source(client, EVENTS) as source:
        assert source.is_open


async def test_a_ticket_that_is_freed_is_told(
    client: AsyncClient, peer: BusPeer, seller: Session
) -> None:
    async with open_event_source(client, EVENTS) as source:
        ticket_id = str((await offer(client, seller, "Concert"))["id"])
        order = OrderHistory("buyer", ticket_id=ticket_id)
        await peer.publish(order.event(OrderCreated, 0))
        await peer.publish(order.event(OrderCancelled, 1))
        events = await source.wait_for(3)
    assert [each.data["status"] for each in events] == ["free", "held", "free"]
    assert {each.data["id"] for each in events} == {ticket_id}
