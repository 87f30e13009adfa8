"""`skaffold dev`, `skaffold verify` and the profile `prod` find all that they name."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.deployment.manifests import Objects
from tests.deployment.schemas import NEWEST, OLDEST, invalid
from tests.deployment.skaffold import (
    Skaffold,
    anonymous,
    deployed,
    impatient,
    impossible_jobs,
    job,
    load,
    production,
    undebugged,
    unlike_the_dockerfiles,
    unlike_the_manifests,
    unlike_the_services,
    unsynced,
    unwritable,
)


@pytest.fixture(scope="module")
def objects() -> Objects:
    """What `skaffold dev` deploys."""
    return deployed(load())


CHECKS: dict[str, Callable[[Skaffold, Objects], list[str]]] = {
    "images": unlike_the_manifests,
    "dockerfiles": lambda skaffold, _: unlike_the_dockerfiles(skaffold),
    "sync": lambda skaffold, _: unsynced(skaffold),
    "writable": unwritable,
    "addresses": unlike_the_services,
    "deadline": impatient,
    "debugging": lambda skaffold, _: undebugged(skaffold),
    "logs": lambda skaffold, _: anonymous(skaffold),
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_development_finds_all_that_it_names(
    objects: Objects, check: Callable[[Skaffold, Objects], list[str]]
) -> None:
    assert check(load(), objects) == []


def test_production_finds_all_that_it_names() -> None:
    skaffold = production(load())
    assert unlike_the_manifests(skaffold, deployed(skaffold)) == []
    assert unlike_the_dockerfiles(skaffold) == []


def test_production_builds_no_image_of_development() -> None:
    skaffold = production(load())
    assert {each["docker"]["target"] for each in skaffold["build"]["artifacts"]} == {
        "runtime",
        "client",
    }
    assert not any("sync" in each for each in skaffold["build"]["artifacts"])


def test_the_job_is_confined_and_runs_where_the_system_is() -> None:
    assert impossible_jobs(job()) == []


@pytest.mark.parametrize(
    "mistake",
    [
        lambda it: it["metadata"].update(namespace="default"),
        lambda it: it["spec"]["template"].pop("metadata"),
        lambda it: it["spec"]["template"]["spec"]["containers"][0].pop("securityContext"),
    ],
    ids=["elsewhere", "without labels", "not confined"],
)
def test_an_impossible_job_is_found(mistake: Callable[[Any], object]) -> None:
    spoilt = copy.deepcopy(job())
    mistake(spoilt)
    assert impossible_jobs(spoilt) != []


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_job_is_valid(version: str) -> None:
    assert invalid([job()], version) == []


def artifact(skaffold: Skaffold, name: str) -> Any:
    """What is built under a name."""
    [found] = [each for each in skaffold["build"]["artifacts"] if each["image"] == name]
    return found


def profile(skaffold: Skaffold, name: str) -> Any:
    """One way to use it."""
    [found] = [each for each in skaffold["profiles"] if each["name"] == name]
    return found


def container(skaffold: Skaffold) -> Any:
    """What `skaffold verify` runs."""
    return skaffold["verify"][0]["container"]


MISTAKES: dict[str, tuple[str, Callable[[Skaffold], object]]] = {
    "an image that nobody builds": (
        "images",
        lambda it: it["build"]["artifacts"].remove(artifact(it, "ticketing-auth")),
    ),
    "an image of another name": (
        "images",
        lambda it: artifact(it, "ticketing-auth").update(image="ticketing-users"),
    ),
    "a Dockerfile that is not there": (
        "dockerfiles",
        lambda it: artifact(it, "ticketing-auth")["docker"].update(dockerfile="auth/Dockerfile"),
    ),
    "a target that is not there": (
        "dockerfiles",
        lambda it: artifact(it, "ticketing-auth")["docker"].update(target="development"),
    ),
    "an argument that is not taken": (
        "dockerfiles",
        lambda it: artifact(it, "ticketing-auth")["docker"].update(buildArgs={"NAME": "auth"}),
    ),
    "the image of another service": (
        "dockerfiles",
        lambda it: artifact(it, "ticketing-auth")["docker"].update(buildArgs={"SERVICE": "orders"}),
    ),
    "a glob that matches nothing": (
        "sync",
        lambda it: artifact(it, "ticketing-auth")["sync"]["manual"][0].update(src="auth/**/*.ts"),
    ),
    "a source that is not copied": (
        "sync",
        lambda it: artifact(it, "ticketing-auth")["sync"]["manual"].pop(),
    ),
    "another place": (
        "sync",
        lambda it: artifact(it, "ticketing-auth")["sync"]["manual"][0].update(dest="/src"),
    ),
    "an image that is read-only": (
        "writable",
        lambda it: artifact(it, "ticketing-auth").update(image="mongo"),
    ),
    "a port that is not there": ("addresses", lambda it: it["portForward"][0].update(port=80)),
    "a gateway that is not there": (
        "addresses",
        lambda it: container(it).update(args=["--gateway=http://gateway:8080"]),
    ),
    "tests that nobody builds": (
        "addresses",
        lambda it: container(it).update(image="ticketing-test"),
    ),
    "a deadline that starts can miss": (
        "deadline",
        lambda it: it["deploy"].update(statusCheckDeadlineSeconds=300),
    ),
    "a debugger behind a reloader": (
        "debugging",
        lambda it: profile(it, "debug")["patches"].pop(),
    ),
    "a debugger that nobody asks for": (
        "debugging",
        lambda it: profile(it, "debug").update(activation=[]),
    ),
    "lines of nobody": ("logs", lambda it: it["deploy"].pop("logs")),
}


@pytest.mark.parametrize(("check", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(
    objects: Objects, check: str, mistake: Callable[[Skaffold], object]
) -> None:
    spoilt = copy.deepcopy(load())
    mistake(spoilt)
    assert CHECKS[check](spoilt, objects) != []


def test_every_check_is_shown_to_find_something() -> None:
    assert {check for check, _ in MISTAKES.values()} == set(CHECKS)
