"""Caddy set up for one stack."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack import binaries
from devstack.gateway.routes import ROUTES, addresses_variable, route_lines
from devstack.ports import LOOPBACK
from devstack.probes import answers_ok
from devstack.process import Program

CADDYFILE = Path(__file__).with_name("Caddyfile")
ADAPTED = ("--adapter", "caddyfile")
STRIPE = ("STRIPE_SCRIPTS", "STRIPE_API", "STRIPE_FRAMES")
CLIENT_FOLDER = Path(__file__).parents[4] / "client"


def gateway_program(
    port: int, upstreams: Mapping[str, Sequence[int]], folder: Path, logs: Path, stripe: str
) -> Program:
    """The gateway on `port`, before the services that listen on the ports of `upstreams`.

    Its pages may ask what is at `stripe`, and load its script.
    """
    return Program(
        name="gateway",
        command=(str(binaries.caddy()), "run", *ADAPTED, "--config", str(CADDYFILE)),
        log=logs / "gateway.log",
        is_ready=answers_ok(port, "/"),
        variables={
            "GATEWAY_HOST": LOOPBACK,
            "GATEWAY_PORT": str(port),
            "ROUTES_FILE": str(_routes_file(folder)),
            "CLIENT_FOLDER": str(CLIENT_FOLDER),
            "ACCESS_LOG": f'file "{logs}/gateway-access.log"',
            **{addresses_variable(name): _addresses(upstreams[name]) for name in ROUTES.values()},
            **_home(folder),
            **dict.fromkeys(STRIPE, stripe),
        },
    )


def _routes_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "routes.caddy"
    file.write_text(route_lines())
    return file


def _home(folder: Path) -> dict[str, str]:
    return dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))


def _addresses(ports: Sequence[int]) -> str:
    return " ".join(f"{LOOPBACK}:{port}" for port in ports)
