"""The pytest fixtures of tests that drive one service; a plugin for the root conftest."""

from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from common.mongo import Database
from devstack.keys import KeyPair
from devstack.testing import BusPeer, Session, new_session, running


@pytest.fixture
async def peer(nats_url: str) -> AsyncIterator[BusPeer]:
    """Another service on the bus, connected."""
    async with BusPeer(nats_url).connected() as connected:
        yield connected


@pytest.fixture
def sign_in(jwt_keys: KeyPair) -> Callable[[], Session]:
    """Creates users with sessions."""
    return lambda: new_session(jwt_keys)


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[Database]:
    """The database of this test."""
    database = Database(mongo_uri)
    yield database
    database.close()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """An HTTP client of the running service."""
    async with running(app) as client:
        yield client


@pytest.fixture
def environment(mongo_uri: str, nats_url: str, jwt_keys: KeyPair) -> dict[str, str]:
    """The settings that every service with events needs."""
    return {
        "mongo_uri": mongo_uri,
        "nats_url": nats_url,
        "jwt_public_key": jwt_keys.public_pem,
        "log_format": "text",
    }
