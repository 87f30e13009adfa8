"""Probes: a service lives by itself, and is ready when requests will be answered."""

import asyncio
from typing import ClassVar

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.settings import EventSettings, ServiceSettings
from devstack.servers import MongoServer, NatsServer
from devstack.tallies import SERVICE
from devstack.testing import eventually, running


class Settings(EventSettings):
    """Of a service on the bus."""

    service: ClassVar[str] = SERVICE


@pytest.fixture
def settings(nats_url: str, settings: ServiceSettings) -> Settings:
    """How the service is configured."""
    return Settings(**settings.model_dump(), nats_url=nats_url)


async def readiness(client: AsyncClient) -> tuple[int, dict[str, object]]:
    """The status and the body of the answer to the probe."""
    answer = await client.get("/readyz")
    return answer.status_code, answer.json()


async def becomes(client: AsyncClient, status: int, *, mongodb: bool, bus: bool) -> None:
    """Wait until the probe says so."""
    expected = {
        "ready": status == 200,
        "checks": {"accepting": True, "mongodb": mongodb, "bus": bus},
    }

    async def so() -> bool:
        return await readiness(client) == (status, expected)

    await eventually(so, f"{status} {expected}")


async def test_a_running_service_lives_and_is_ready(client: AsyncClient) -> None:
    await becomes(client, 200, mongodb=True, bus=True)
    alive = await client.get("/livez")
    assert (alive.status_code, alive.json()) == (200, {"live": True})


async def test_it_is_not_ready_while_mongodb_is_away(
    client: AsyncClient, mongod: MongoServer
) -> None:
    await becomes(client, 200, mongodb=True, bus=True)
    mongod.stop()
    answer, alive, _ = await asyncio.gather(
        client.get("/api/tallies"),
        client.get("/livez"),
        becomes(client, 503, mongodb=False, bus=True),
    )
    assert (answer.status_code, alive.status_code) == (503, 200)
    mongod.start()
    await becomes(client, 200, mongodb=True, bus=True)
    assert (await client.get("/api/tallies")).status_code == 200


async def test_it_stays_ready_while_the_bus_is_away(
    client: AsyncClient, nats_server: NatsServer
) -> None:
    await becomes(client, 200, mongodb=True, bus=True)
    nats_server.stop()
    await becomes(client, 200, mongodb=True, bus=False)
    nats_server.start()
    await becomes(client, 200, mongodb=True, bus=True)


async def test_it_is_not_ready_before_it_was_on_the_bus(
    app: FastAPI, nats_server: NatsServer
) -> None:
    nats_server.stop()
    async with running(app) as client:
        await becomes(client, 503, mongodb=True, bus=False)
        nats_server.start()
        await becomes(client, 200, mongodb=True, bus=True)


async def test_it_can_stop_without_ever_having_been_ready(
    app: FastAPI, nats_server: NatsServer
) -> None:
    nats_server.stop()
    async with running(app) as client:
        await becomes(client, 503, mongodb=True, bus=False)
