"""Probes: a service lives by itself, and is ready when requests will be answered."""

import asyncio
from typing import ClassVar

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.contracts.events import TicketUpdated
from common.contracts.subjects import Subject
from common.messaging import connection
from common.service import create_service
from common.settings import EventSettings, ServiceSettings
from devstack.bus_topology import declare_now
from devstack.counter_service import SERVICE, Tallies
from devstack.jetstream import delete_all_streams
from devstack.servers import MongoServer, NatsServer
from devstack.testing import eventually, running


class Settings(EventSettings):
    """Of a service on the bus."""

    service: ClassVar[str] = SERVICE


@pytest.fixture
def settings(nats_url: str, settings: ServiceSettings) -> Settings:
    """How the service is configured."""
    return Settings(**settings.model_dump(), nats_url=nats_url)


async def becomes(client: AsyncClient, status: int, **why_not: str) -> None:
    """Wait until the probe says so, and for each check that fails, why."""

    async def so() -> bool:
        answer = await client.get("/readyz")
        body = answer.json()
        failing = {name for name, is_well in body["checks"].items() if not is_well}
        return (
            (answer.status_code, body["ready"]) == (status, status == 200)
            and body["checks"].keys() == {"accepting", "mongodb", "bus", "topology"}
            and failing == body["reasons"].keys() == why_not.keys()
            and all(text in body["reasons"][name] for name, text in why_not.items())
        )

    await eventually(so, f"{status} {why_not}")


async def test_a_running_service_lives_and_is_ready(client: AsyncClient) -> None:
    await becomes(client, 200)
    alive = await client.get("/livez")
    assert (alive.status_code, alive.json()) == (200, {"live": True})


async def test_it_is_not_ready_while_mongodb_is_away(
    client: AsyncClient, mongod: MongoServer
) -> None:
    await becomes(client, 200)
    mongod.stop()
    answer, alive, _ = await asyncio.gather(
        client.get("/api/tallies"),
        client.get("/livez"),
        becomes(client, 503, mongodb="onnection refused"),
    )
    assert (answer.status_code, alive.status_code) == (503, 200)
    mongod.start()
    await becomes(client, 200)
    assert (await client.get("/api/tallies")).status_code == 200


async def test_it_stays_ready_while_the_bus_is_away(
    client: AsyncClient, nats_server: NatsServer
) -> None:
    await becomes(client, 200)
    nats_server.stop()
    await becomes(client, 200, bus="")
    nats_server.start()
    await becomes(client, 200)


async def lives(client: AsyncClient, status: int) -> None:
    """Wait until the probe of the process says so."""

    async def so() -> bool:
        return (await client.get("/livez")).status_code == status

    await eventually(so, f"/livez is {status}")


async def test_each_attempt_to_connect_shows_that_it_lives(
    client: AsyncClient, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await becomes(client, 200)
    nats_server.stop()
    await becomes(client, 200, bus="")
    monkeypatch.setattr(connection, "ATTEMPT_SECONDS", 0.2)
    for _ in range(3):
        await lives(client, 503)  # between two attempts
        await lives(client, 200)
    nats_server.start()
    await becomes(client, 200)


async def test_liveness_fails_when_nobody_connects_any_more(
    app: FastAPI, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await becomes(client, 200)
    monkeypatch.setattr(connection, "ATTEMPT_SECONDS", 3.0)
    await lives(client, 200)
    await app.state.bus.close()
    await lives(client, 503)


async def test_it_is_not_ready_before_the_bus(app: FastAPI, nats_server: NatsServer) -> None:
    nats_server.stop()
    async with running(app) as client:
        await becomes(client, 503, bus="Connect call failed", topology="not connected to NATS")
        nats_server.start()
        await becomes(client, 200)


async def test_it_can_stop_without_ever_having_been_ready(
    app: FastAPI, nats_server: NatsServer
) -> None:
    nats_server.stop()
    async with running(app) as client:
        await becomes(client, 503, bus="Connect call failed", topology="not connected to NATS")


async def test_it_is_not_ready_before_the_topology(
    settings: Settings, nats_server: NatsServer
) -> None:
    async def hear(_event: TicketUpdated, _: object) -> None:
        """It has to do nothing."""

    app = create_service(settings, repository=Tallies, handlers={Subject.TICKET_UPDATED: hear})
    delete_all_streams(nats_server.port)
    async with running(app) as client:
        await becomes(client, 503, topology="NATS has no stream ticketing (10059)")
        declare_now(nats_server.url)
        await becomes(client, 200)
        delete_all_streams(nats_server.port)
        await becomes(client, 200, topology="NATS has no stream ticketing (10059)")
