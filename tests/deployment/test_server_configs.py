"""NATS and Caddy accept their configurations as they are deployed; and refuse a planted mistake."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.deployment import images
from tests.deployment.certificates import certify
from tests.deployment.nats_users import NATS_CONF, VARIABLES

from common.web.head_limit import KEEP_ALIVE_SECONDS
from devstack import binaries
from devstack.gateway.caddy import CADDYFILE, CLIENT_FOLDER
from devstack.gateway.routes import ROUTES, addresses_variable, route_lines


def complaint(*command: str | Path, variables: dict[str, str]) -> str:
    """What a server says of its configuration when it does not accept it."""
    done = subprocess.run(  # noqa: S603 (the command is ours)
        command, capture_output=True, text=True, check=False, env=variables
    )
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def nats_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both files of NATS, with a certificate where they look for it."""
    folder = tmp_path_factory.mktemp("nats")
    for file in NATS_CONF.parent.glob("*.conf"):
        text = file.read_text().replace("/etc/nats-tls/", f"{folder}/")
        (folder / file.name).write_text(text)
    certify(folder)
    return folder


def nats_complaint(file: Path, variables: dict[str, str]) -> str:
    """What NATS says of a configuration."""
    return complaint(binaries.nats_server(), "-t", "-c", file, variables=variables)


@pytest.mark.parametrize("name", ["nats.conf", "cluster.conf"])
def test_nats_accepts_its_configuration(nats_folder: Path, name: str) -> None:
    assert nats_complaint(nats_folder / name, VARIABLES) == ""


@pytest.mark.parametrize("missing", VARIABLES)
def test_nats_does_not_start_without_a_variable(nats_folder: Path, missing: str) -> None:
    some = {name: value for name, value in VARIABLES.items() if name != missing}
    assert missing in nats_complaint(nats_folder / "cluster.conf", some)


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("sync_interval: always", "sync_interval: sometimes"),
        ("no_advertise", "no_advertising"),
        ("tls.crt", "other.crt"),
        ('include "nats.conf"', 'include "nat.conf"'),
    ],
)
def test_nats_refuses_a_mistake(nats_folder: Path, there: str, instead: str) -> None:
    text = (nats_folder / "cluster.conf").read_text()
    assert there in text
    (nats_folder / "wrong.conf").write_text(text.replace(there, instead))
    assert nats_complaint(nats_folder / "wrong.conf", VARIABLES) != ""


def caddy_complaint(file: Path, folder: Path, routes: str) -> str:
    """What Caddy says of a configuration, with these routes."""
    (folder / "routes.caddy").write_text(routes)
    variables = {
        "HOME": str(folder),
        "GATEWAY_HOST": "0.0.0.0",  # noqa: S104 (as in a container)
        "GATEWAY_PORT": "8080",
        "ROUTES_FILE": str(folder / "routes.caddy"),
        "CLIENT_FOLDER": str(CLIENT_FOLDER),
        "ACCESS_LOG": "stdout",
        **{addresses_variable(name): f"{name}:8000" for name in ROUTES.values()},
    }
    command = (binaries.caddy(), "validate", "--adapter", "caddyfile", "--config", file)
    return complaint(*command, variables=variables)


@pytest.mark.parametrize("routes", [route_lines(), ""], ids=["gateway", "client"])
def test_caddy_accepts_its_configuration(tmp_path: Path, routes: str) -> None:
    assert caddy_complaint(CADDYFILE, tmp_path, routes) == ""


def test_caddy_refuses_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "Caddyfile"
    wrong.write_text(CADDYFILE.read_text().replace("health_uri", "health_url"))
    assert "health_url" in caddy_complaint(wrong, tmp_path, route_lines())


BEFORE_SERVICES = {"nginx": 60, "Traefik": 90, "Caddy": 120}
"""How many seconds each keeps a connection to a service that nobody uses, unless told otherwise."""


def test_a_service_keeps_a_connection_longer_than_who_stands_before_it() -> None:
    [ours] = re.findall(r"^\s*keepalive (\d+)m$", CADDYFILE.read_text(), re.MULTILINE)
    longest = max(*BEFORE_SERVICES.values(), 60 * int(ours))
    assert longest < KEEP_ALIVE_SECONDS


def test_each_image_keeps_connections_so_long() -> None:
    told = ["--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)]
    for stage in ("runtime", "dev"):
        started = images.start_of(images.stages(images.DOCKERFILES[0].read_text())[stage])
        assert told[0] in started
        assert started[started.index(told[0]) :][:2] == told
