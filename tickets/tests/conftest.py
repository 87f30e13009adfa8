"""The tickets service, running."""

from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from devstack.testing import running
from tickets.main import create_app
from tickets.settings import Settings


@pytest.fixture
async def client(environment: dict[str, str]) -> AsyncIterator[AsyncClient]:
    """A browser before the tickets service."""
    app = create_app(Settings.model_validate(environment))
    async with running(app) as client:
        yield client
