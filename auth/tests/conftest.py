"""The auth service, running, for people at home: over plain http, with cookies that allow it."""

import pytest
from fastapi import FastAPI

from auth.main import create_app
from auth.settings import Settings
from devstack.keys import KeyPair


@pytest.fixture
def settings(environment: dict[str, str], jwt_keys: KeyPair) -> Settings:
    """The settings of the service."""
    own = {"jwt_private_key": jwt_keys.private_pem, "cookie_secure": "false"}
    return Settings.model_validate({**environment, **own})


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The auth service."""
    return create_app(settings)
