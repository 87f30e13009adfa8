"""What a service counts, times and measures, as Prometheus would scrape it."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import ClassVar

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common import gauges
from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.gauges import GaugeCollector, GaugeSource, Samples
from common.messaging.consumer import Handlers
from common.metrics import Gauge, exposition
from common.mongo import Database
from common.service import create_service
from common.settings import EventSettings, ServiceSettings
from devstack.counter_service import SERVICE, Tallies, Tally
from devstack.freezing import frozen
from devstack.scraping import delta, scrape, wait_for_sample
from devstack.servers import MongoServer, NatsServer
from devstack.testing import BusPeer, running

PATH = "/api/tallies"


@pytest.fixture(autouse=True)
def _asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "CACHE_SECONDS", 0)


async def test_requests_are_counted_by_route_template(client: AsyncClient) -> None:
    before = await scrape(client)
    for path in (PATH, f"{PATH}?limit=2", f"{PATH}/failures/conflict", f"{PATH}/failures/crash"):
        await client.get(path)
    await client.post(f"{PATH}/mine", json={})
    after = await scrape(client)
    assert delta(before, after, "requests_total") == {
        frozenset({"GET", PATH, "200"}): 2,
        frozenset({"GET", f"{PATH}/failures/{{name}}", "409"}): 1,
        frozenset({"GET", f"{PATH}/failures/{{name}}", "500"}): 1,
        frozenset({"POST", f"{PATH}/mine", "401"}): 1,
    }
    assert delta(before, after, "request_seconds_count")[frozenset({"GET", PATH})] == 2


async def test_what_clients_make_up_is_one_series(client: AsyncClient) -> None:
    before = await scrape(client)
    for number in range(3):
        await client.get(f"/nowhere/{number}")
        await client.request(f"VERB{number}", f"/{number}")
    assert delta(before, await scrape(client), "requests_total") == {
        frozenset({"GET", "other", "404"}): 3,
        frozenset({"other", "404"}): 3,
    }


async def test_probes_and_scrapes_are_not_counted(client: AsyncClient) -> None:
    before = await scrape(client)
    for path in ("/livez", "/readyz", "/acceptz", "/metrics"):
        await client.get(path)
    assert delta(before, await scrape(client), "requests_total") == {}


async def test_the_page_is_not_part_of_the_api(app: FastAPI) -> None:
    assert "/metrics" not in app.openapi()["paths"]


async def test_many_who_look_cost_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "CACHE_SECONDS", 60)
    gauge, asked = Gauge("asked", "How often"), count(1)

    async def collect() -> Samples:
        await asyncio.sleep(0)
        return {gauge: next(asked)}

    there = GaugeCollector()
    there.sources = [GaugeSource("mongodb", (gauge,), collect)]
    samples = await asyncio.gather(*(there.samples() for _ in range(5)))
    assert [each[gauge] for each in samples] == [1] * 5


async def test_a_failed_gauge_is_left_out() -> None:
    broken, whole = Gauge("broken", "Fails"), Gauge("whole", "Works")

    async def fail() -> Samples:
        raise ValueError("a defect")

    async def work() -> Samples:
        return {whole: 7}

    there = GaugeCollector()
    there.sources = [GaugeSource("nats", (broken,), fail), GaugeSource("mongodb", (whole,), work)]
    told = exposition(await there.samples()).decode()
    assert "ticketing_whole 7.0" in told
    assert "# TYPE ticketing_broken gauge" in told
    assert "\nticketing_broken" not in told
    assert 'ticketing_server_answers{server="nats"} 0.0' in told


class Settings(EventSettings):
    """Of a service on the bus."""

    service: ClassVar[str] = SERVICE


class Stubborn:
    """Hears tickets, and fails as it is told."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def hear(self, _event: TicketUpdated, _tallies: Tallies) -> None:
        """What is registered as the handler."""
        if self.failure:
            raise self.failure


@pytest.fixture
def stubborn() -> Stubborn:
    """The handler."""
    return Stubborn()


@pytest.fixture
async def hearer(
    nats_url: str, mongo_uri: str, settings: ServiceSettings, stubborn: Stubborn
) -> FastAPI:
    """A service that announces tallies and hears tickets."""
    own = settings.model_dump() | {"mongo_uri": mongo_uri}
    handlers: Handlers = {Subject.TICKET_UPDATED: stubborn.hear}
    return create_service(Settings(**own, nats_url=nats_url), repository=Tallies, handlers=handlers)


@pytest.fixture
async def speaker(nats_url: str) -> AsyncIterator[BusPeer]:
    """Another service that only speaks: what it heard would be counted in this process, too."""
    speaker = BusPeer(nats_url)
    await speaker.bus.connect()
    yield speaker
    await speaker.bus.close()


async def test_events_are_counted_by_subject_and_outcome(
    hearer: FastAPI, speaker: BusPeer, stubborn: Stubborn
) -> None:
    async with running(hearer) as client:
        await wait_for_sample(client, "consumer_pending", 0)
        before = await scrape(client)
        assert ("events_processed_total", frozenset({"ticket:updated", "early"})) in before
        await speaker.publish(Tally.new().to_event())
        await speaker.wait_acked_by(SERVICE)
        stubborn.failure = RuntimeError("a defect")
        await speaker.publish(Tally.new().to_event())
        await speaker.publish_raw("ticket:updated", b"{", {})
        await wait_for_sample(client, "dead_letters", 2)
        await speaker.wait_acked_by(SERVICE)
        after = await scrape(client)
    assert delta(before, after, "events_processed_total") == {
        frozenset({"ticket:updated", "handled"}): 1,
        frozenset({"ticket:updated", "failed"}): 9,
        frozenset({"ticket:updated", "dead"}): 2,
    }
    assert delta(before, after, "handler_seconds_count") == {frozenset({"ticket:updated"}): 11}
    told = delta(before, after, "events_published_total")
    assert told[frozenset({f"dead-letters.{SERVICE}", "stored"})] == 2


async def test_repeated_publishes_are_counted_as_duplicates(
    client: AsyncClient, peer: BusPeer
) -> None:
    event, before = Tally.new().to_event(), await scrape(client)
    for _ in range(3):
        await peer.publish(event)
    assert delta(before, await scrape(client), "events_published_total") == {
        frozenset({"ticket:updated", "stored"}): 1,
        frozenset({"ticket:updated", "duplicate"}): 2,
    }


async def test_what_waits_is_measured(
    hearer: FastAPI, database: Database, nats_server: NatsServer
) -> None:
    async with running(hearer) as client:
        await wait_for_sample(client, "bus_connected", 1)
        await wait_for_sample(client, "outbox_waiting", 0)
        await wait_for_sample(client, "consumer_requests", 1)
        nats_server.stop()
        await wait_for_sample(client, "bus_connected", 0)
        await Tallies(database).add(Tally.new())
        await wait_for_sample(client, "outbox_waiting", 1)
        samples = await scrape(client)
        assert 0 < samples["outbox_oldest_seconds", frozenset()] < 60
        assert ("consumer_pending", frozenset()) not in samples
        assert samples["server_answers", frozenset({"nats"})] == 0
        assert samples["server_answers", frozenset({"mongodb"})] == 1
        nats_server.start()
        await wait_for_sample(client, "outbox_waiting", 0)
        await wait_for_sample(client, "server_answers", 1, "nats")


async def test_an_unresponsive_server_neither_fails_nor_delays_a_scrape(
    hearer: FastAPI, mongod: MongoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "TIMEOUT_SECONDS", 0.2)
    async with running(hearer) as client:
        await wait_for_sample(client, "outbox_waiting", 0)
        with frozen(mongod.pid):
            async with asyncio.timeout(4):  # a driver gives up after 5
                await wait_for_sample(client, "outbox_waiting", None)
            await wait_for_sample(client, "server_answers", 0, "mongodb")
            await wait_for_sample(client, "server_answers", 1, "nats")
        await wait_for_sample(client, "server_answers", 1, "mongodb")
