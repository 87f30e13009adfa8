"""What the launcher reads from its environment, all of it optional."""

from pathlib import Path

from pydantic_settings import BaseSettings


class BinarySettings(BaseSettings):
    """Servers to use instead of the installed ones: MONGOD_BIN, NATS_SERVER_BIN, CADDY_BIN."""

    mongod_bin: Path | None = None
    nats_server_bin: Path | None = None
    caddy_bin: Path | None = None


class InheritedEnvironment(BaseSettings):
    """All that a child sees of the launcher's own environment, so that every start is alike."""

    path: str = "/usr/local/bin:/usr/bin:/bin"
    home: str = "/"
    lang: str = "C.UTF-8"
    pythonpath: str = ""

    def variables(self) -> dict[str, str]:
        """The same, in the spelling that a child process expects."""
        return {name.upper(): str(value) for name, value in self.model_dump().items()}
