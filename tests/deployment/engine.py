"""The compose system in an engine on this machine, for tests that stop and replace parts."""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.deployment.manifests import ROOT

PROJECT = "ticketing-containers"
WINDOW_SECONDS = 600


def compose(*arguments: str, **variables: str) -> str:
    """What `docker compose` answers; a project of its own keeps out of the way of others."""
    command = ["docker", "compose", "-f", "docker-compose.test.yml", "-p", PROJECT, *arguments]
    return _run(command, {"WINDOW_SECONDS": str(WINDOW_SECONDS), **variables})


def build(tag: str, *services: str) -> None:
    """Build images; a tag of its own makes them new ones, whatever is in them."""
    compose("build", "--quiet", "--build-arg", f"REVISION={tag}", *services, TAG=tag)


def replace(container: str, tag: str) -> None:
    """Put a container of another image in the place of one, and wait until it is healthy."""
    compose("up", "--detach", "--no-deps", "--no-build", "--wait", container, TAG=tag)


def inspect(container: str) -> dict[str, Any]:
    """All that the engine knows of a container, running or not."""
    identity = compose("ps", "--all", "--quiet", container).strip()
    [known] = json.loads(_run(["docker", "inspect", identity], {}))
    found: dict[str, Any] = known
    return found


def address(container: str) -> str:
    """Where it is in its network; on Linux this machine is in that network, too."""
    [network] = inspect(container)["NetworkSettings"]["Networks"].values()
    found: str = network["IPAddress"]
    return found


def _run(command: list[str], variables: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 (the command is ours)
        command,
        cwd=ROOT,
        env={**os.environ, **variables},  # noqa: TID251 - PATH, and where the engine is
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
