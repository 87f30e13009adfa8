"""The images hold what they need, nothing else, and start as they should."""

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from tests.deployment import images
from tests.deployment.images import DOCKERFILES, FOLDER, SERVICES
from tests.deployment.manifests import ROOT

from devstack import processes
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import Plan, choose_ports

IGNORED = (ROOT / ".dockerignore").read_text()
SERVICE = (FOLDER / "Dockerfile").read_text()
GATEWAY = (FOLDER / "gateway.Dockerfile").read_text()

CHECKS: dict[str, Callable[[str], list[str]]] = {
    "hadolint": images.lint,
    "bases": images.loose_bases,
    "user": images.rooted,
    "start": images.badly_started,
    "labels": images.unlabelled,
    "sources": lambda text: images.missing_sources(text, IGNORED),
}

MISTAKES = {
    "an unpinned package": ("hadolint", "WORKDIR /tmp\n", "RUN pip install uvicorn\n"),
    "cd instead of WORKDIR": ("hadolint", "WORKDIR /tmp\n", "RUN cd /tmp\n"),
    "latest": (
        "bases",
        "python:${PYTHON_VERSION}-slim-trixie AS runtime",
        "python:latest AS runtime",
    ),
    "no tag": ("bases", "python:${PYTHON_VERSION}-slim-trixie AS runtime", "python AS runtime"),
    "another registry": ("bases", "FROM python:", "FROM ghcr.io/somebody/python:"),
    "a front end": ("bases", "# The image", "# syntax=docker/dockerfile:1\n# The image"),
    "root": ("user", "USER 10001:10001", "USER root"),
    "a name": ("user", "USER 10001:10001", "USER nobody"),
    "nobody said": ("user", "USER 10001:10001\n", ""),
    "a shell": ("start", 'CMD ["python", "-m", "uvicorn", "--factory", "--no', "CMD uvicorn --no"),
    "a check in a shell": ("start", 'CMD ["python", "-c",', "CMD curl"),
    "no title": ("labels", "org.opencontainers.image.title", "title"),
    "a path that is not there": ("sources", "common/src common/src", "common/source common/src"),
    "a path that is not sent": ("sources", "COPY common/src", "COPY common/tests"),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_is_sound(dockerfile: Path, check: str) -> None:
    assert CHECKS[check](dockerfile.read_text()) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str) -> None:
    check, good, bad = MISTAKES[mistake]
    assert good in SERVICE
    assert CHECKS[check](SERVICE.replace(good, bad)) != []


NOT_SENT = (
    *(".git/config", ".venv/bin/python", ".dev/session.pem", ".env", "README.md"),
    *("infra/k8s/base/a.yaml", "auth/tests/a.py", "tests/deployment/images.py"),
    "common/src/common/__pycache__/a.pyc",
)


@pytest.mark.parametrize("path", NOT_SENT)
def test_what_no_image_needs_is_not_sent(path: str) -> None:
    assert not images.is_sent(path, IGNORED)
    assert images.is_sent(path, "# nothing is ignored")


def test_a_service_image_holds_no_tests_and_no_tools() -> None:
    runtime = images.stages(SERVICE)
    copied = set(images.sources(runtime["build"], "auth"))
    assert copied == {
        *("infra/docker/build.lock", "common/pyproject.toml", "common/src"),
        *("auth/requirements.lock", "auth/pyproject.toml", "auth/src"),
    }
    assert set(images.sources(runtime["dev"], "auth")) == {
        *("common/src", "auth/requirements.lock", "auth/src"),
        *("devstack/src/devstack/__init__.py", "devstack/src/devstack/reloader.py"),
    }
    assert list(images.sources(runtime["runtime"])) == []
    assert any("pip uninstall" in step.rest for step in runtime["runtime"])


def test_a_service_starts_as_the_launcher_starts_it() -> None:
    plan = Plan(Path(), choose_ports(0, {}), StackSecrets(KeyPair("", ""), ""))
    launched = [*processes.replicas(plan, "auth")[0].program.command]
    assert launched[:4] == [sys.executable, "-m", "uvicorn", "auth.main:create_app"]
    rest = launched[4:]
    for option in ("--host", "--port"):
        where = rest.index(option)
        del rest[where : where + 2]
    started = images.start_of(images.stages(SERVICE)["runtime"])
    assert started[:3] == ["python", "-m", "uvicorn"]
    assert pairs(started[3:]) == pairs(rest)


def test_a_service_starts_in_development_as_it_does_in_production() -> None:
    stages = images.stages(SERVICE)
    started = images.start_of(stages["runtime"])
    assert images.start_of(stages["debug"]) == started
    reloader = ["python", "-m", "devstack.reloader", "--watch", "/app"]
    assert images.start_of(stages["dev"]) == [*reloader, *started]


def pairs(arguments: list[str]) -> set[str]:
    """Options with their values."""
    return set(re.sub(r" (?=--)", "\n", " ".join(arguments)).splitlines())


def test_the_client_is_the_gateway_without_routes() -> None:
    stages = images.stages(GATEWAY)
    assert images.start_of(stages["client"]) == images.start_of(stages["gateway"])
    assert [step.word for step in stages["gateway"][len(stages["client"]) :]] == [
        "FROM",
        "COPY",
        "LABEL",
    ]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_every_project_allows_the_python_of_the_images(dockerfile: Path) -> None:
    [version] = re.findall(r"^ARG PYTHON_VERSION=(.+)$", dockerfile.read_text(), re.MULTILINE)
    projects = [ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")]
    assert len(projects) == 8
    for file in projects:
        wanted = tomllib.loads(file.read_text())["project"]["requires-python"]
        assert SpecifierSet(wanted).contains(version), file


LOCKS = {ROOT / "requirements.lock": [*ROOT.glob("*/pyproject.toml")]}
LOCKS |= {
    ROOT / name / "requirements.lock": [
        ROOT / name / "pyproject.toml",
        ROOT / "common/pyproject.toml",
    ]
    for name in SERVICES
}
LOCKS |= {FOLDER / "build.lock": []}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_lock_holds_what_the_projects_need_and_is_strict(lock: Path) -> None:
    assert images.unlocked(LOCKS[lock], lock.read_text()) == []
    assert images.loose_lines(lock.read_text()) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("uvicorn==0", "uvicorn==0.1.0 \\\n    --hash=sha256:0\nsomething==0"),
        ("uvloop==", "other=="),
    ],
)
def test_a_stale_lock_is_found(good: str, bad: str) -> None:
    lock = ROOT / "auth" / "requirements.lock"
    assert good in lock.read_text()
    assert images.unlocked(LOCKS[lock], lock.read_text().replace(good, bad)) != []


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url https://somewhere",
        "uvicorn>=0.54",
        "uvicorn==0.54.0",
        "uvicorn @ file:///x",
    ],
)
def test_a_loose_line_is_found(line: str) -> None:
    lock = (ROOT / "auth" / "requirements.lock").read_text()
    assert images.loose_lines(f"{lock}{line}\n") != []
