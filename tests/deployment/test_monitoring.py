"""Prometheus and Grafana beside the system: complete, confined, and heard by nobody else."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.deployment import connections, environment, monitoring
from tests.deployment.manifests import Object, Objects, changed, get, of_kind, render_with
from tests.deployment.mistakes import Mistake, remove, rules
from tests.deployment.schemas import NEWEST, OLDEST, invalid
from tests.deployment.test_manifests import IN_DEV, IN_PROD

GUARDED = ("monitoring", "monitoring/network-policies")


def unscraped(objects: Objects) -> list[str]:
    """Services whose pods Prometheus does not find."""
    return monitoring.unscraped(list(objects), set(environment.SETTINGS))


IN_PROD_WITH_MONITORING = {**IN_PROD, "scraped": unscraped}


@pytest.fixture(scope="module")
def watched_dev(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """Development with monitoring."""
    return render_with(["monitoring"], "dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="module")
def watched_prod(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """Production with monitoring."""
    return render_with(GUARDED, "prod", tmp_path_factory.mktemp("prod"))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_valid(watched_dev: Objects, watched_prod: Objects, version: str) -> None:
    assert invalid([*watched_dev, *watched_prod], version) == []


@pytest.mark.parametrize("check", [*IN_DEV.values(), unscraped], ids=[*IN_DEV, "scraped"])
def test_development_fits_together(
    watched_dev: Objects, check: Callable[[Objects], list[str]]
) -> None:
    assert check(watched_dev) == []


@pytest.mark.parametrize("check", IN_PROD_WITH_MONITORING.values(), ids=IN_PROD_WITH_MONITORING)
def test_production_fits_together(
    watched_prod: Objects, check: Callable[[Objects], list[str]]
) -> None:
    assert check(watched_prod) == []


def test_monitoring_has_no_rights_in_the_cluster(watched_prod: Objects) -> None:
    assert of_kind(watched_prod, "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding") == []


def test_metrics_are_not_reached_from_outside(watched_prod: Objects) -> None:
    """Both the Ingress and the routes of the Gateway API name all their paths (check: routes)."""
    entered = connections.allowed(watched_prod, "Ingress")
    assert {one.target for one in entered if one.source == "ingress"}.isdisjoint(
        {"expiration", "prometheus", "grafana"}
    )
    for ingress in of_kind(watched_prod, "Ingress"):
        assert "/metrics" not in json.dumps(ingress)


def config(objects: Objects) -> Object:
    """What Prometheus is configured with."""
    data: Object = get(objects, "ConfigMap", "prometheus-config")["data"]
    return data


def reconfigure(objects: Objects, change: Callable[[Object], object]) -> None:
    """Change what Prometheus is configured with."""
    wanted = yaml.safe_load(config(objects)["prometheus.yml"])
    change(wanted["scrape_configs"][0]["dns_sd_configs"][0])
    config(objects)["prometheus.yml"] = yaml.safe_dump(wanted)


MISTAKES: dict[str, tuple[str, Mistake]] = {
    "a service that is not asked": (
        "scraped",
        lambda it: reconfigure(it, lambda dns: dns["names"].remove("orders-pods")),
    ),
    "another port": ("scraped", lambda it: reconfigure(it, lambda dns: dns.update(port=9000))),
    "one address for all pods": (
        "scraped",
        lambda it: get(it, "Service", "orders-pods")["spec"].update(clusterIP="10.0.0.1"),
    ),
    "services that let Prometheus wait outside": (
        "connections",
        lambda it: remove(it, "NetworkPolicy", "scraped"),
    ),
    "Prometheus for everybody": (
        "connections",
        lambda it: rules(it, "prometheus", "ingress")[0].update({"from": [{"podSelector": {}}]}),
    ),
    "Grafana that may go anywhere": (
        "connections",
        lambda it: rules(it, "grafana", "egress")[0].update({"to": [{"podSelector": {}}]}),
    ),
}


@pytest.mark.parametrize(("check", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(watched_prod: Objects, check: str, mistake: Mistake) -> None:
    spoilt = changed(watched_prod)
    mistake(spoilt)
    assert IN_PROD_WITH_MONITORING[check](spoilt) != []


def test_alert_rules_have_what_people_need() -> None:
    for rule in monitoring.alert_rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize("expression", ["sum by (x", "rate(ticketing_requests_total)"])
def test_a_misspelt_expression_is_found(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        monitoring.asked_in(expression)


@pytest.mark.parametrize(
    "asked",
    [
        ("check", "rules", monitoring.ALERTS),
        ("check", "config", monitoring.ALERTS.with_name("prometheus.yml")),
        ("test", "rules", Path(__file__).with_name("alerts_test.yml")),
    ],
    ids=["rules", "configuration", "when alerts fire"],
)
def test_prometheus_itself_agrees(asked: tuple[str, str, Path]) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("they ask promtool: apt-get install prometheus")
    done = subprocess.run(  # noqa: S603 - a tool for exactly this
        [promtool, *map(str, asked)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
