"""Settings of the auth service."""

from typing import ClassVar

from pydantic import Field

from common.settings import Pem, ServiceSettings


class Settings(ServiceSettings):
    """The signing of sessions, and the rate limits of signing in."""

    service: ClassVar[str] = "auth"

    jwt_private_key: Pem = Field(repr=False)
    token_lifetime_seconds: int = Field(default=24 * 3600, gt=0)
    cookie_secure: bool = True
    signin_failures_limit: int = Field(default=10, gt=0)
    signin_failures_per_address_limit: int = Field(default=100, gt=0)
    signin_failures_per_account_limit: int = Field(default=100, gt=0)
    signin_failures_window_seconds: int = Field(default=15 * 60, gt=0)
