"""The auth service, running, for people at home: over plain http, with cookies that allow it."""

from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from auth.main import create_app
from auth.settings import Settings
from devstack.keys import KeyPair
from devstack.testing import running


@pytest.fixture
def settings(environment: dict[str, str], jwt_keys: KeyPair) -> Settings:
    """The settings of the service."""
    own = {"jwt_private_key": jwt_keys.private_pem, "cookie_secure": "false"}
    return Settings.model_validate({**environment, **own})


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[AsyncClient]:
    """A browser before the auth service."""
    async with running(create_app(settings)) as client:
        yield client
