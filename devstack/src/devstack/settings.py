"""The environment variables of the launcher, all optional."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic_settings import BaseSettings


class BinarySettings(BaseSettings):
    """Servers to use instead of the installed ones: MONGOD_BIN, NATS_SERVER_BIN, CADDY_BIN."""

    mongod_bin: Path | None = None
    nats_server_bin: Path | None = None
    caddy_bin: Path | None = None

    def variables(self) -> dict[str, str]:
        """Those that are set, as environment variables."""
        return {
            name.upper(): str(value) for name, value in self.model_dump(exclude_none=True).items()
        }


class InheritedEnvironment(BaseSettings):
    """The variables that child processes inherit; others are removed for reproducible starts."""

    path: str = "/usr/local/bin:/usr/bin:/bin"
    home: str = "/"
    lang: str = "C.UTF-8"
    pythonpath: str = ""

    def variables(self) -> dict[str, str]:
        """The same as environment variables."""
        return {name.upper(): str(value) for name, value in self.model_dump().items()}


def environment() -> Mapping[str, str]:
    """The whole environment, from which settings are overridden."""
    return os.environ  # noqa: TID251 - this is where configuration is read


def clean_environment() -> dict[str, str]:
    """The environment of a launcher without a developer's settings."""
    return {**InheritedEnvironment().variables(), **BinarySettings().variables()}
