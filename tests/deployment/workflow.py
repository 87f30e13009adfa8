"""The hosted CI's workflow: what its schema cannot say."""

import re
from typing import Any, TypeAlias

import yaml
from tests.deployment import compose
from tests.deployment.manifests import ROOT

FILE = ROOT / ".github" / "workflows" / "ci.yml"
Workflow: TypeAlias = dict[Any, Any]
SKAFFOLD = "skaffold deploy -p test -a build.json --load-images"
COMPOSE = "docker compose -f docker-compose.test.yml up --no-build --abort-on-container-exit"


def load(text: str) -> Workflow:
    """The file; `on` is a truth value in YAML, so that key is True."""
    loaded: Workflow = yaml.load(text, yaml.CSafeLoader)
    return loaded


def steps(workflow: Workflow) -> list[Workflow]:
    """The steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def unpinned(workflow: Workflow) -> list[str]:
    """Actions that somebody else can change."""
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    return [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)]


def too_free(workflow: Workflow) -> list[str]:
    """What the workflow may do without need, and how long it may go on."""
    wrong = [] if workflow.get("permissions") == {"contents": "read"} else ["permissions"]
    for name, job in workflow["jobs"].items():
        wrong += [f"{name}: {field}" for field in ("permissions", "secrets") if field in job]
        if not 0 < job.get("timeout-minutes", 0) <= 30:
            wrong.append(f"{name}: timeout")
    for step in steps(workflow):
        keeps = step.get("with", {}).get("persist-credentials", True)
        if step.get("uses", "").startswith("actions/checkout@") and keeps:
            wrong.append("a checkout keeps its credentials")
    if not workflow.get("concurrency", {}).get("cancel-in-progress"):
        wrong.append("concurrency")
    return wrong


def unfinished(workflow: Workflow) -> list[str]:
    """What CI should do and does not."""
    events = set(workflow[True])
    commands = "\n".join(step.get("run", "") for step in steps(workflow))
    wrong = sorted({"push", "pull_request"} - events)
    wrong += [each for each in ("make test", "make containers", COMPOSE) if each not in commands]
    if commands.count(SKAFFOLD) < 2:  # from nothing, and over what runs
        wrong.append(SKAFFOLD)
    wrong += [each for each in ("kind create", "skaffold verify -p test") if each not in commands]
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    return wrong + ([] if versions[0] == "3.11" and len(set(versions)) > 1 else ["versions"])


def uncached(workflow: Workflow) -> list[str]:
    """Images that are built from nothing each time, and caches of what nobody builds."""
    built = {
        name
        for name, each in compose.containers(compose.load(compose.FILE.read_text()))
        if "build" in each
    }
    [bake] = [each["with"] for each in steps(workflow) if "bake-action" in each.get("uses", "")]
    lines = bake["set"].split()
    wanted = {f"{name}.cache-{way}=type=gha" for name in built for way in ("from", "to")}
    return sorted(wanted.symmetric_difference(line.partition(",")[0] for line in lines))
