"""The command line of the launcher."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.members import COUNT
from devstack.plan import SERVICES
from devstack.setting_overrides import Setting

DATA = Path(".dev")


@dataclass(frozen=True)
class Options:
    """The command line of `up`."""

    port: int
    settings: list[Setting]
    replicas: dict[str, int]
    members: int
    clocks: dict[str, float]
    data: Path
    ephemeral: bool
    json: Path | None
    quiet: bool


@dataclass(frozen=True)
class ExecOptions:
    """The command line of `exec`."""

    data: Path
    service: str
    command: tuple[str, ...]


def parse(arguments: Sequence[str] | None = None) -> Options | ExecOptions:
    """Parse the options; exits with an error message if they are invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m devstack", description="The whole system on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _describe_up(commands.add_parser("up", help="start everything; Ctrl-C stops it"))
    run = commands.add_parser("exec", help="run a command with the settings of a running service")
    _describe_exec(run)
    chosen = vars(parser.parse_args(arguments))
    if chosen.pop("command") == "up":
        return Options(**chosen)
    options = ExecOptions(chosen["data"], chosen["service"], tuple(chosen["words"]))
    return options if options.command else run.error("a command is required")


def _describe_exec(run: argparse.ArgumentParser) -> None:
    run.add_argument("--data", type=Path, default=DATA, help="the data folder of the stack (.dev)")
    run.add_argument("service", choices=SERVICES, help="the service whose settings it gets")
    run.add_argument(
        "words", metavar="command", nargs=argparse.REMAINDER, help="the command and its arguments"
    )


def _describe_up(up: argparse.ArgumentParser) -> None:
    option = up.add_argument
    option("--port", type=_port, default=8080, help="of the gateway; 0 chooses a free one (8080)")
    option("--replicas", type=_replicas, default={}, help="such as orders=2,tickets=2 (1 each)")
    option("--members", type=int, choices=(1, COUNT), default=1, help="of MongoDB and NATS (1)")
    wrong = "clock skew of replicas in seconds, such as orders-1=600,auth=-2"
    option("--clocks", type=_clocks, default={}, help=wrong)
    option("--data", type=Path, default=DATA, help="the data folder (.dev)")
    option("--ephemeral", action="store_true", help="delete the data at the end")
    option("--json", type=Path, help="write addresses and process ids here when ready")
    option("--quiet", action="store_true", help="do not print the logs, which are in files")
    up.set_defaults(settings=[])
    _describe_setting(up, "--set", _setting, "[SERVICE.]NAME=VALUE", "a setting; may be repeated")
    window = "how long an order reserves its ticket (900): ORDER_WINDOW_SECONDS"
    _describe_setting(up, "--window", _window, "SECONDS", window)


def _describe_setting(
    up: argparse.ArgumentParser, name: str, kind: Callable[[str], Setting], shape: str, meaning: str
) -> None:
    up.add_argument(name, type=kind, metavar=shape, help=meaning, dest="settings", action="append")


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _window(text: str) -> Setting:
    return Setting("ORDER_WINDOW_SECONDS", str(_positive(text)))


def _setting(text: str) -> Setting:
    key, equals, value = text.partition("=")
    service, _, name = key.rpartition(".")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text}: write NAME=VALUE or SERVICE.NAME=VALUE")
    return Setting(name, value, service or None)


def _clocks(text: str) -> dict[str, float]:
    clocks = {}
    for part in text.split(","):
        replica, _, seconds = part.partition("=")
        if replica.partition("-")[0] not in SERVICES:
            raise argparse.ArgumentTypeError(f"{part}: write a replica, such as orders-1, =seconds")
        clocks[replica] = float(seconds)
    return clocks


def _replicas(text: str) -> dict[str, int]:
    replicas = {}
    for part in text.split(","):
        service, _, count = part.partition("=")
        if service not in SERVICES or not count:
            raise argparse.ArgumentTypeError(f"{part}: write {'|'.join(SERVICES)}=number")
        replicas[service] = _positive(count)
    return replicas
