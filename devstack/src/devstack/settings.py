"""What the launcher reads from its environment, all of it optional."""

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
        """Those that are set, in the spelling of the environment."""
        return {
            name.upper(): str(value) for name, value in self.model_dump(exclude_none=True).items()
        }


class InheritedEnvironment(BaseSettings):
    """All that a child sees of the launcher's own environment, so that every start is alike."""

    path: str = "/usr/local/bin:/usr/bin:/bin"
    home: str = "/"
    lang: str = "C.UTF-8"
    pythonpath: str = ""

    def variables(self) -> dict[str, str]:
        """The same, in the spelling that a child process expects."""
        return {name.upper(): str(value) for name, value in self.model_dump().items()}


def environment() -> Mapping[str, str]:
    """All of it: which of its variables are settings, the services know."""
    return os.environ  # noqa: TID251 - this is where configuration is read


def clean_environment() -> dict[str, str]:
    """What a launcher needs that nobody's own settings should change."""
    return {**InheritedEnvironment().variables(), **BinarySettings().variables()}
