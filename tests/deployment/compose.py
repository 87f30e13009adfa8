"""The compose file: what no schema can say of it."""

import re
from collections.abc import Iterator
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import ValidationError
from tests.deployment.environment import BUS_USERS, PROGRAMS, SETTINGS
from tests.deployment.hardening import KEEP
from tests.deployment.manifests import ROOT

from common.settings import EnvironmentSettings, ServiceSettings
from common.shutdown import CLOSING_SECONDS
from devstack.service_settings import OF_UVICORN

FILE = ROOT / "docker-compose.test.yml"
Compose: TypeAlias = dict[str, Any]

LAME_DUCK_SECONDS: float = ServiceSettings.model_fields["lame_duck_seconds"].default
CONFINED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
OPEN = ("ports", "privileged", "cap_add", "network_mode", "pid", "devices")


def load(text: str) -> Compose:
    """The file with its anchors resolved, and variables at their defaults."""
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    loaded: Compose = yaml.load(filled, yaml.CSafeLoader)
    return loaded


def containers(compose: Compose) -> Iterator[tuple[str, Compose]]:
    """Everything that runs, by name."""
    yield from compose["services"].items()


def replicas(compose: Compose, service: str) -> dict[str, Compose]:
    """The containers of one of our services: it is what its image starts by itself."""
    image = f"ticketing-{service}:"
    return {
        name: each
        for name, each in containers(compose)
        if each["image"].startswith(image) and "command" not in each
    }


def programs(compose: Compose) -> Iterator[tuple[str, str, Compose]]:
    """Each container that reads settings, after its name, after its program."""
    for service in SETTINGS:
        yield from ((service, name, each) for name, each in replicas(compose, service).items())
    yield "topology", "topology", compose["services"]["topology"]


def undeclared(compose: Compose) -> list[str]:
    """Streams that nobody keeps, or several do."""
    keepers = [name for name, each in containers(compose) if each.get("command") == KEEP]
    return [] if keepers == ["topology"] else [f"the topology is kept by {keepers}"]


def unchecked(compose: Compose) -> list[str]:
    """Containers of which nobody can say whether they are ready."""
    return [
        name
        for name, each in containers(compose)
        if name != "tests" and not each.get("healthcheck", {}).get("test")
    ]


def hasty(compose: Compose) -> list[str]:
    """Containers that start before what they need is ready."""
    wrong = []
    for name, each in containers(compose):
        needs = each.get("depends_on", {})
        waits = {need for need, how in needs.items() if how == {"condition": "service_healthy"}}
        wrong += [
            f"{name} does not wait until {need} is healthy" for need in needs if need not in waits
        ]
        wrong += [f"{name} needs {need}, too" for need in sorted(_addressed(compose, each) - waits)]
    return wrong


def unwaited(compose: Compose) -> list[str]:
    """Containers that the tests do not wait for, not even by way of others."""
    seen: set[str] = set()
    waiting = ["tests"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting += [
            each for each in compose["services"][name].get("depends_on", {}) if each not in seen
        ]
    return sorted(set(compose["services"]) - seen)


def _addressed(compose: Compose, container: Compose) -> set[str]:
    """Whom it asks. The sandbox's webhooks are no question: who hears them comes later."""
    if "devstack.sandbox" in container.get("command", []):
        return set()
    told = [*map(str, container.get("environment", {}).values()), *container.get("command", [])]
    asked = re.findall(r"(?:^|[@/ ])([a-z][\w-]*):\d+", "\n".join(told), re.MULTILINE)
    members = container.get("environment", {}).get("MONGO_MEMBERS", "")
    return {name for name in asked if name in compose["services"] and f"{name}:" not in members}


def unconfined(compose: Compose) -> list[str]:
    """Containers that may do more than they need."""
    wrong = []
    for name, each in containers(compose):
        wrong += [
            f"{name}: {field}" for field, value in CONFINED.items() if each.get(field) != value
        ]
        wrong += [f"{name}: {field}" for field in OPEN if field in each]
        if re.fullmatch(r"0|root|0:0", str(each.get("user", ""))):
            wrong.append(f"{name}: root")
    if not compose["networks"]["default"].get("internal"):
        wrong.append("the network leads outside")
    return wrong


def kept(compose: Compose) -> list[str]:
    """Volumes that would survive, or that a container may write to."""
    wrong = [f"volume {name}" for name in compose.get("volumes", {})]
    for name, each in containers(compose):
        mounts = each.get("volumes", [])
        wrong += [f"{name}: {mount}" for mount in mounts if not _is_ours_to_read(mount)]
    return wrong


def _is_ours_to_read(mount: str) -> bool:
    source, _, rest = mount.partition(":")
    return source.startswith("./") and (ROOT / source).exists() and rest.endswith(":ro")


def impatient(compose: Compose) -> list[str]:
    """Containers that are killed before they can have stopped."""
    wanted = LAME_DUCK_SECONDS + CLOSING_SECONDS
    return [
        name
        for name, each in containers(compose)
        if float(str(each.get("stop_grace_period", "0s")).removesuffix("s")) < wanted
    ]


def loose_images(compose: Compose) -> list[str]:
    """Images without a version."""
    tags = {each["image"]: each["image"].partition(":")[2] for _, each in containers(compose)}
    return [image for image, tag in tags.items() if tag in {"", "latest"}]


def misbuilt(compose: Compose) -> list[str]:
    """Images of ours that nobody builds, or several, or from a file that is not there."""
    wrong = []
    for image in {
        each["image"] for _, each in containers(compose) if "ticketing-" in each["image"]
    }:
        builds = [each["build"] for _, each in containers(compose) if _builds(each, image)]
        service = image.removeprefix("ticketing-").partition(":")[0]
        if len(builds) != 1 or not (ROOT / builds[0]["dockerfile"]).is_file():
            wrong.append(f"{image} is built {len(builds)} times")
        elif builds[0].get("args", {}).get("SERVICE", service) != service:
            wrong.append(f"{image} holds {builds[0]['args']['SERVICE']}")
    return wrong


def _builds(container: Compose, image: str) -> bool:
    return container["image"] == image and "build" in container


def refused_settings(compose: Compose) -> list[str]:
    """What a program would say instead of starting, and what it would not read."""
    wrong = []
    for program, name, each in programs(compose):
        settings = PROGRAMS[program]
        variables = {key: str(value) for key, value in each["environment"].items()}
        wrong += [f"{name}: {problem}" for problem in _refused(settings, variables)]
        known = {field.upper() for field in settings.model_fields} | OF_UVICORN
        wrong += [f"{name} does not read {key}" for key in variables if key not in known]
    return wrong


def _refused(settings: type[EnvironmentSettings], variables: dict[str, str]) -> list[str]:
    with pytest.MonkeyPatch.context() as process:
        for name in settings.model_fields:
            process.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            process.setenv(name, value)
        try:
            settings()
        except ValidationError as error:
            return [f"{each['loc'][0]}: {each['msg']}" for each in error.errors()]
    return []


def misled(compose: Compose) -> list[str]:
    """Programs that would not come to their own database or to the bus, as their own user."""
    wrong = []
    for program, name, each in programs(compose):
        for variable, door in _doors(compose, program).items():
            parts = urlsplit(each["environment"].get(variable, ""))
            found = _door(parts.hostname, parts.port, parts.username, parts.password)
            wrong += [f"{name}: {variable} leads to {found}"] if found != door else []
        if urlsplit(each["environment"].get("MONGO_URI", f"//db/{program}")).path != f"/{program}":
            wrong.append(f"{name}: not its own database")
    return wrong


def _doors(compose: Compose, program: str) -> dict[str, str]:
    """Where a program has to come to, and as whom."""
    mongo, nats = (compose["services"][name]["environment"] for name in ("mongo", "nats"))
    doors = {}
    if program in SETTINGS:
        password = mongo[f"{program.upper()}_MONGO_PASSWORD"]
        doors["MONGO_URI"] = _door("mongo", 27017, program, password)
    if user := BUS_USERS.get(program):
        doors["NATS_URL"] = _door("nats", 4222, user, nats[f"NATS_{user.upper()}_PASSWORD"])
    return doors


def _door(*parts: object) -> str:
    return " ".join(map(str, parts))


def misrouted(compose: Compose) -> list[str]:
    """Services of which the gateway does not know all replicas, or more."""
    told = compose["services"]["gateway"]["environment"]
    return [
        variable
        for service in SETTINGS
        if (variable := f"{service.upper()}_ADDRESSES") and service != "expiration"
        if told.get(variable, "").split() != [f"{name}:8000" for name in replicas(compose, service)]
    ]
