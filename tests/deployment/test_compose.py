"""The compose file of the tests is valid, complete, and fits the settings and the manifests."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.deployment import compose
from tests.deployment.compose import FILE, Compose, load
from tests.deployment.manifests import K8S, ROOT, containers_of, render, workloads

from devstack.plan import SERVICES

TEXT = FILE.read_text()

CHECKS: dict[str, Callable[[Compose], list[str]]] = {
    "health": compose.unchecked,
    "order": compose.hasty,
    "all": compose.unwaited,
    "confined": compose.unconfined,
    "kept": compose.kept,
    "stop": compose.impatient,
    "images": compose.loose_images,
    "builds": compose.misbuilt,
    "settings": compose.refused_settings,
    "addresses": compose.misled,
    "routes": compose.misrouted,
    "topology": compose.undeclared,
}

BUILD = "    build: {context: ., dockerfile: infra/docker/Dockerfile, args: {SERVICE: orders}}\n"
READ_ONLY = "./infra/nats:/etc/nats/ticketing:ro"
PROBE = '      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8222/healthz"]\n'
OPERATOR = "      NATS_URL: nats://operator:operator-nats@nats:4222"
SANDBOX = "    sandbox: {condition: service_healthy}\n\n"

MISTAKES = {
    "no health check": ("health", PROBE, ""),
    "started is enough": ("order", "{condition: service_healthy}", "{condition: service_started}"),
    "the sandbox may come later": ("order", SANDBOX, "\n"),
    "the bus may come later": ("order", "    nats: {condition: service_healthy}\n", ""),
    "the topology may come early": (
        "order",
        "depends_on: {nats: {condition: service_healthy}}",
        "",
    ),
    "the topology may come later": ("all", "      topology: {condition: service_healthy}\n", ""),
    "one may come later": ("all", "      expiration-2: {condition: service_healthy}\n", ""),
    "writable": ("confined", "read_only: true", "read_only: false"),
    "all capabilities": ("confined", "  cap_drop: [ALL]\n", ""),
    "new privileges": ("confined", "no-new-privileges:true", "no-new-privileges:false"),
    "a published port": ("confined", "  gateway:\n", '  gateway:\n    ports: ["8080:8080"]\n'),
    "root": ("confined", 'user: "999:999"', 'user: "0:0"'),
    "a way outside": ("confined", "    internal: true", "    internal: false"),
    "a volume": ("kept", "./infra/mongo:/mongo:ro", "data:/data"),
    "a writable source": ("kept", READ_ONLY, READ_ONLY.removesuffix(":ro")),
    "no patience": ("stop", "stop_grace_period: 10s", "stop_grace_period: 5s"),
    "latest": ("images", "mongo:8.0.26", "mongo:latest"),
    "no tag": ("images", "nats:2.14-alpine", "nats"),
    "nobody builds it": ("builds", BUILD, ""),
    "another service in it": ("builds", "{SERVICE: orders}", "{SERVICE: tickets}"),
    "another Dockerfile": ("builds", "gateway.Dockerfile", "gate.Dockerfile"),
    "a setting too few": ("settings", "    STRIPE_SECRET_KEY: sk_test_sandbox\n", ""),
    "a setting too many": ("settings", "STRIPE_API_BASE", "STRIPE_BASE"),
    "a wrong setting": ("settings", "${WINDOW_SECONDS:-12}", "soon"),
    "a wrong key": ("settings", "-----BEGIN PRIVATE KEY-----", "private"),
    "another's database": ("addresses", "mongo:27017/orders", "mongo:27017/tickets"),
    "another's name": ("addresses", "nats://orders:", "nats://tickets:"),
    "another password": ("addresses", "S_PASSWORD: orders-nats", "S_PASSWORD: secret"),
    "the rights of a service": ("addresses", "operator:operator-nats@", "orders:orders-nats@"),
    "a setting of another": ("settings", OPERATOR, f"{OPERATOR}\n      STREAM_REPLICA: 1"),
    "declared, not kept": ("topology", "common.topology, keep", "common.topology, apply"),
    "a replica too few": ("routes", "tickets-1:8000 tickets-2:8000", "tickets-1:8000"),
    "a replica too many": ("routes", "auth:8000", "auth:8000 auth-2:8000"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_file_is_sound(check: str) -> None:
    assert CHECKS[check](load(TEXT)) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str) -> None:
    check, good, bad = MISTAKES[mistake]
    assert good in TEXT
    assert CHECKS[check](load(TEXT.replace(good, bad))) != []


def invalid(text: str, folder: Path) -> str:
    """What the schema of compose files says against it."""
    file = folder / "compose.yml"
    file.write_text(text)
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(  # noqa: S603 (the command is ours)
        [sys.executable, *command], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode else ""


def test_the_file_is_valid(tmp_path: Path) -> None:
    assert invalid(TEXT, tmp_path) == ""


@pytest.mark.parametrize(
    ("good", "bad"), [("healthcheck:", "healtcheck:"), ("cap_drop: [ALL]", "cap_drop: ALL")]
)
def test_an_invalid_file_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    assert good in TEXT
    assert invalid(TEXT.replace(good, bad), tmp_path) != ""


def test_every_service_runs_twice_where_it_hears_events() -> None:
    counts = {service: len(compose.replicas(load(TEXT), service)) for service in SERVICES}
    assert counts == {"auth": 1, "tickets": 2, "orders": 2, "expiration": 2, "payments": 2}


def unlike_kubernetes(file: Compose) -> list[str]:
    """Images that Kubernetes does not run, or that Skaffold does not build."""
    objects = render(K8S / "overlays" / "dev")
    deployed = {each["image"] for _, one in workloads(objects) for each in containers_of(one)}
    artifacts = yaml.safe_load((ROOT / "skaffold.yaml").read_text())["build"]["artifacts"]
    built = {each["image"] for each in artifacts}
    images = {each["image"] for _, each in compose.containers(file)}
    ours = {image for image in images if image.startswith("ticketing-")}
    unknown = {image for image in ours if image.partition(":")[0] not in built}
    return sorted((images - ours - deployed) | unknown)


def test_the_images_are_those_of_the_manifests() -> None:
    assert unlike_kubernetes(load(TEXT)) == []


@pytest.mark.parametrize(
    ("good", "bad"), [("mongo:8.0.26", "mongo:7.0"), ("ticketing-orders:", "ticketing-order:")]
)
def test_other_images_are_found(good: str, bad: str) -> None:
    assert unlike_kubernetes(load(TEXT.replace(good, bad))) != []
