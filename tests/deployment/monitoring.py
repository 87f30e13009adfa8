"""What the dashboard and the alert rules ask of Prometheus, and whether anybody answers it."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import promql_parser
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.deployment.manifests import K8S, Object, get

MONITORING = K8S / "components" / "monitoring"
ALERTS = MONITORING / "prometheus" / "alerts.yml"
DASHBOARD = MONITORING / "grafana" / "ticketing.json"

OF_PROMETHEUS = {"up": {"instance", "job", "service"}, "ALERTS": {"alertname", "alertstate"}}
OF_TARGETS = {"instance", "job", "service"}
"""The labels that prometheus.yml adds to whatever a service says."""

INTERVAL = "$__rate_interval"
"""What Grafana puts in the place of this, Prometheus would not understand."""

Exported = Mapping[str, set[str]]
"""The names of samples, each with the names of its labels."""


class Asked(NamedTuple):
    """A metric in an expression, and the labels by which it is chosen."""

    metric: str
    labels: frozenset[str]


def alert_rules() -> list[Object]:
    """All alert rules."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Where an expression stands, and what it says."""
    yield from ((f"alert {rule['alert']}", rule["expr"]) for rule in alert_rules())
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"].replace(INTERVAL, "1m")


def asked_in(expression: str) -> set[Asked]:
    """The metrics that an expression is about; raises ValueError where it is none."""
    asked: set[Asked] = set()

    def visit(part: promql_parser.Expr) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            labels = frozenset(matcher.name for matcher in part.matchers.matchers)
            asked.add(Asked(part.name or "", labels))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return asked


def exported_by(page: str) -> dict[str, set[str]]:
    """What a page of metrics has, whether or not it has a value now."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        for suffix in _SUFFIXES[family.type]:
            found.setdefault(f"{family.name}{suffix}", set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


_SUFFIXES = {
    "counter": ["_total"],
    "gauge": [""],
    "histogram": ["_bucket", "_count", "_sum"],
    "unknown": [""],
}


def asked_in_vain(exported: Exported, asked: Iterator[tuple[str, str]]) -> list[str]:
    """What no service says, and labels that it does not have."""
    known = {**{name: labels | OF_TARGETS for name, labels in exported.items()}, **OF_PROMETHEUS}
    return [
        f"{where}: {one.metric} {sorted(one.labels - known.get(one.metric, set()))}"
        for where, expression in asked
        for one in asked_in(expression)
        if one.metric not in known or one.labels - known[one.metric]
    ]


def unscraped(objects: list[Object], services: set[str]) -> list[str]:
    """Services whose pods Prometheus does not find, or not at the port where they answer."""
    config = yaml.safe_load(
        get(objects, "ConfigMap", "prometheus-config")["data"]["prometheus.yml"]
    )
    [job] = config["scrape_configs"]
    [discovery] = job["dns_sd_configs"]
    wrong = [f"{one} is not asked" for one in services - _named(discovery)]
    for name in discovery["names"]:
        service = get(objects, "Service", name)["spec"]
        if (service["clusterIP"], service["ports"][0]["port"]) != ("None", discovery["port"]):
            wrong.append(f"{name} does not lead to each pod at {discovery['port']}")
    return wrong


def _named(discovery: Object) -> set[str]:
    return {name.removesuffix("-pods") for name in discovery["names"]}
