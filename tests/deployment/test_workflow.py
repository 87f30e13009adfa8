"""The hosted CI runs what everybody runs, with no more rights than that takes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.deployment import workflow
from tests.deployment.workflow import FILE, Workflow, load

TEXT = FILE.read_text()

CHECKS: dict[str, Callable[[Workflow], list[str]]] = {
    "pins": workflow.unpinned,
    "rights": workflow.too_free,
    "work": workflow.unfinished,
    "cache": workflow.uncached,
}

MISTAKES = {
    "a tag": (
        "pins",
        "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd",
        "actions/checkout@v6",
    ),
    "all rights": ("rights", "permissions:\n  contents: read\n", ""),
    "one right more": ("rights", "contents: read", "contents: write"),
    "no end": ("rights", "    timeout-minutes: 15\n", ""),
    "credentials": ("rights", "persist-credentials: false", "persist-credentials: true"),
    "no limit": ("rights", "cancel-in-progress: true", "cancel-in-progress: false"),
    "no tests": ("work", "- run: make test", "- run: make lint"),
    "one version": ("work", '["3.11", "3.13"]', '["3.11"]'),
    "not on requests": ("work", "  pull_request:\n", ""),
    "no containers": ("work", "up --no-build --abort-on-container-exit", "build"),
    "no cluster": ("work", "kind create cluster", "kind version"),
    "no second deployment": (
        "work",
        "- name: Deploy over what runs\n        run: skaffold deploy -p test",
        "- name: Deploy over what runs\n        run: skaffold diagnose -p test",
    ),
    "no tests in the cluster": ("work", "skaffold verify", "skaffold diagnose"),
    "no cache": ("cache", "orders-1.cache-from=type=gha,scope=orders", ""),
    "a cache of nothing": ("cache", "gateway.cache-to", "gate.cache-to"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_workflow_is_sound(check: str) -> None:
    assert CHECKS[check](load(TEXT)) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str) -> None:
    check, good, bad = MISTAKES[mistake]
    assert good in TEXT
    assert CHECKS[check](load(TEXT.replace(good, bad))) != []


def invalid(text: str, folder: Path) -> str:
    """What the schema of workflows says against it."""
    file = folder / "ci.yml"
    file.write_text(text)
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    done = subprocess.run(  # noqa: S603 (the command is ours)
        [sys.executable, *command], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode else ""


def test_the_workflow_is_valid(tmp_path: Path) -> None:
    assert invalid(TEXT, tmp_path) == ""


@pytest.mark.parametrize(
    ("good", "bad"), [("runs-on:", "run-on:"), ("timeout-minutes: 15", "timeout-minutes: soon")]
)
def test_an_invalid_workflow_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    assert good in TEXT
    assert invalid(TEXT.replace(good, bad), tmp_path) != ""
