"""The timers of the expiration service, and the service itself."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.mongo import Collection, Database
from devstack.testing import BusPeer
from expiration.main import create_app
from expiration.repository import TimerRepository
from expiration.settings import Settings


@pytest.fixture
async def timers(database: Database) -> TimerRepository:
    """The timers, as the service or another replica of it would change them."""
    timers = TimerRepository(database)
    await timers.prepare()
    return timers


@pytest.fixture
def stored(database: Database) -> Collection:
    """The timers as they are stored."""
    return database.collection("timers")


@pytest.fixture
def app(environment: dict[str, str]) -> FastAPI:
    """The expiration service, not yet running."""
    return create_app(Settings.model_validate(environment))


@pytest.fixture
async def service(client: AsyncClient, peer: BusPeer) -> AsyncClient:
    """The expiration service, running and listening."""
    await peer.wait_acked_by("expiration")
    return client
