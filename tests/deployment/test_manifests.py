"""The manifests are valid, complete, fit together, and confine what they run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import WINDOW_SECONDS
from tests.deployment import connections, environment, hardening, references, sizing
from tests.deployment.manifests import (
    K8S,
    Object,
    Objects,
    changed,
    get,
    of_kind,
    render,
    render_with,
)
from tests.deployment.mistakes import INVALID, MISTAKES, MISTAKES_IN_DEV, Mistake
from tests.deployment.schemas import NEWEST, OLDEST, invalid

from devstack.gateway.routes import ROUTES

MADE_BY_HAND = {
    "session-private-key": ["private.pem"],
    "session-public-key": ["public.pem"],
    "stripe": ["publishable-key", "secret-key", "webhook-secret"],
    "nats-passwords": ["system", "operator", "tickets", "orders", "expiration", "payments"],
    "nats-tls": ["tls.crt", "tls.key", "ca.crt", ""],
    **{f"{name}-mongo": ["password", "root-password", "key"] for name in environment.SETTINGS},
}
"""The secrets that docs/operations.md says how to make."""


PROGRESS_SECONDS = 600
"""When a Deployment gives up on a pod that does not become ready, unless it says otherwise."""


def misrouted(objects: Objects) -> list[str]:
    """Paths that lead elsewhere than on one machine."""
    found = {path: service for path, service, _ in references.backends(objects)}
    wanted = {**ROUTES, "/": "client"}
    return [f"routes are {found}"] if found != wanted else []


ALWAYS: dict[str, Callable[[Objects], list[str]]] = {
    "volumes": references.dangling_volumes,
    "accounts": references.dangling_accounts,
    "ports": references.dangling_ports,
    "selectors": references.empty_selectors,
    "targets": references.dangling_targets,
    "routes": misrouted,
    "sized": hardening.unsized,
    "images": hardening.loose_images,
    "probes of NATS": hardening.misjudged_nats,
    "stopping": hardening.cut_short,
    "pause": hardening.without_pause,
    "settings": environment.refused_settings,
    "unknown variables": environment.unknown_variables,
    "unfilled variables": environment.unfilled_variables,
    "doubled variables": environment.doubled_variables,
    "addresses": environment.misled_programs,
    "members": environment.misnamed_members,
    "copies of the stream": environment.overstretched_streams,
    "secrets": environment.spread_secrets,
    "topology": hardening.badly_declared,
    "priorities": sizing.misplaced,
    "stores": sizing.overfilled_volumes,
    "rollouts": lambda objects: sizing.slow_starts(
        of_kind(objects, "Deployment"), PROGRESS_SECONDS
    ),
}
IN_DEV = {
    **ALWAYS,
    "keys": lambda objects: references.dangling_keys(objects, {}),
    "confined": lambda objects: hardening.unconfined(objects, "baseline"),
    "probes": hardening.forgetful,
    "room": sizing.cramped,
}
IN_PROD = {
    **ALWAYS,
    "confined": hardening.unconfined,
    "probes": hardening.unprobed,
    "keys": lambda objects: references.dangling_keys(objects, MADE_BY_HAND),
    "read-only": hardening.writable,
    "replicas": hardening.scaled_twice,
    "connections": connections.unlike_the_need,
}


@pytest.fixture(scope="module")
def dev() -> list[Object]:
    """What `skaffold dev` deploys."""
    return render(K8S / "overlays" / "dev")


@pytest.fixture(scope="module")
def verified() -> list[Object]:
    """What `skaffold verify` tests."""
    return render(K8S / "overlays" / "test")


@pytest.fixture(scope="module")
def prod() -> list[Object]:
    """What runs in production."""
    return render(K8S / "overlays" / "prod")


@pytest.fixture(scope="module")
def prod_with_routes(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """Production with the Gateway API in the place of the Ingress."""
    return render_with(["gateway-api"], "prod", tmp_path_factory.mktemp("gateway-api"))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_valid(
    dev: Objects, verified: Objects, prod: Objects, prod_with_routes: Objects, version: str
) -> None:
    assert invalid([*dev, *verified, *prod, *prod_with_routes], version) == []


@pytest.mark.parametrize("check", IN_DEV.values(), ids=IN_DEV)
def test_development_fits_together(dev: Objects, check: Callable[[Objects], list[str]]) -> None:
    assert check(dev) == []


@pytest.mark.parametrize("check", IN_DEV.values(), ids=IN_DEV)
def test_what_is_verified_fits_together(
    verified: Objects, check: Callable[[Objects], list[str]]
) -> None:
    assert check(verified) == []


def test_what_is_verified_has_the_window_that_the_tests_expect(verified: Objects) -> None:
    for service in ("orders", "payments"):
        window = environment.variables_of(verified, service)["ORDER_WINDOW_SECONDS"]
        assert float(window) == WINDOW_SECONDS


@pytest.mark.parametrize("check", IN_PROD.values(), ids=IN_PROD)
def test_production_fits_together(prod: Objects, check: Callable[[Objects], list[str]]) -> None:
    assert check(prod) == []


@pytest.mark.parametrize("check", IN_PROD.values(), ids=IN_PROD)
def test_production_with_the_gateway_api_fits_together(
    prod_with_routes: Objects, check: Callable[[Objects], list[str]]
) -> None:
    assert of_kind(prod_with_routes, "Ingress") == []
    assert check(prod_with_routes) == []


def test_network_policies_can_be_had_in_development(dev: Objects, tmp_path: Path) -> None:
    guarded = render_with(["network-policies"], "dev", tmp_path)
    assert len(guarded) > len(dev)
    assert invalid(guarded, NEWEST) == []


def test_production_holds_no_secret(prod: Objects) -> None:
    assert of_kind(prod, "Secret") == []


def test_the_ingress_asks_nothing_special_of_its_controller(dev: Objects, prod: Objects) -> None:
    for ingress in (get(dev, "Ingress", "ticketing"), get(prod, "Ingress", "ticketing")):
        assert "annotations" not in ingress["metadata"]
    assert "ingressClassName" not in get(dev, "Ingress", "ticketing")["spec"]
    assert get(prod, "Ingress", "ticketing")["spec"]["tls"]


def test_whatever_has_replicas_in_production_is_drained_one_by_one(prod: Objects) -> None:
    budgets = {each["metadata"]["name"] for each in of_kind(prod, "PodDisruptionBudget")}
    workloads = of_kind(prod, "Deployment", "StatefulSet")
    once = {each["metadata"]["name"] for each in workloads if each["spec"].get("replicas") == 1}
    assert once == {"topology"}
    assert budgets == {each["metadata"]["name"] for each in workloads} - once
    scaled = {each["metadata"]["name"] for each in of_kind(prod, "HorizontalPodAutoscaler")}
    assert scaled == set(environment.SETTINGS)


def test_every_secret_made_by_hand_is_documented() -> None:
    page = (K8S.parents[1] / "docs" / "operations.md").read_text()
    assert [name for name in MADE_BY_HAND if name not in page] == []


@pytest.mark.parametrize(("check", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(prod: Objects, check: str, mistake: Mistake) -> None:
    spoilt = changed(prod)
    mistake(spoilt)
    assert IN_PROD[check](spoilt) != []


@pytest.mark.parametrize(("check", "mistake"), MISTAKES_IN_DEV.values(), ids=MISTAKES_IN_DEV)
def test_a_mistake_in_development_is_found(dev: Objects, check: str, mistake: Mistake) -> None:
    spoilt = changed(dev)
    mistake(spoilt)
    assert IN_DEV[check](spoilt) != []


def test_every_check_is_shown_to_find_something() -> None:
    shown = {check for check, _ in MISTAKES.values()}
    assert shown == set(IN_PROD)
    differing = {name for name, check in IN_DEV.items() if IN_PROD.get(name) is not check}
    assert {check for check, _ in MISTAKES_IN_DEV.values()} == differing - {"keys"}


@pytest.mark.parametrize("mistake", INVALID.values(), ids=INVALID)
def test_an_invalid_object_is_found(prod: Objects, mistake: Mistake) -> None:
    spoilt = changed(prod)
    mistake(spoilt)
    assert len(invalid(spoilt, NEWEST)) == 1


def test_an_api_that_is_gone_is_found(prod: Objects) -> None:
    spoilt = changed(prod)
    get(spoilt, "Ingress", "ticketing")["apiVersion"] = "extensions/v1beta1"
    with pytest.raises(FileNotFoundError):
        invalid(spoilt, NEWEST)
