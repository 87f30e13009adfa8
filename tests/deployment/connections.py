"""Whether the network policies let through what is needed, and nothing else."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.deployment.manifests import (
    Labels,
    Object,
    Objects,
    containers_of,
    labels_of,
    of_kind,
    selects,
    workloads,
)
from tests.deployment.references import backends

ON_THE_BUS = ("tickets", "orders", "expiration", "payments")
SERVICES = ("auth", *ON_THE_BUS)
STRANGER: Labels = {"app.kubernetes.io/name": "stranger"}


class Connection(NamedTuple):
    """Who speaks to whom, at which named port."""

    source: str
    target: str
    port: str


def needed(objects: Objects) -> set[Connection]:
    """Between our own pods, and those of monitoring if they are there."""
    watched = {name for name, _ in workloads(objects)} & {"prometheus"}
    return {
        *(Connection(service, f"{service}-mongo", "mongodb") for service in SERVICES),
        *(Connection(f"{one}-mongo", f"{one}-mongo", "mongodb") for one in SERVICES),
        *(Connection(one, "nats", "client") for one in (*ON_THE_BUS, "topology")),
        Connection("nats", "nats", "cluster"),
        *(Connection("ingress", service, "http") for _, service, _ in backends(objects)),
        *(Connection("prometheus", service, "http") for service in SERVICES if watched),
        *(Connection("grafana", prometheus, "http") for prometheus in watched),
    }


def allowed(objects: Objects, way: str) -> set[Connection]:
    """What the policies let enter (way Ingress) or leave (way Egress) our pods.

    Either would do. Both say the same, so that one mistake opens nothing.
    """
    policies = [each["spec"] for each in of_kind(objects, "NetworkPolicy")]
    pods = {name: labels_of(each) for name, each in workloads(objects)}
    if way == "Egress":
        return {
            Connection(source, target, port)
            for target, port in _ports(objects)
            for source, labels in pods.items()
            if _passes(policies, way, labels, pods[target], port)
        }
    sources: dict[str, Labels | None] = {**pods, "stranger": STRANGER, "ingress": None}
    return {
        Connection(source, target, port)
        for target, port in _ports(objects)
        for source, labels in sources.items()
        if _passes(policies, way, pods[target], labels, port)
    }


def _ports(objects: Objects) -> Iterator[tuple[str, str]]:
    for name, each in workloads(objects):
        for container in containers_of(each):
            yield from ((name, port["name"]) for port in container.get("ports", []))


def _passes(
    policies: list[Object], way: str, here: Labels, there: Labels | None, port: str
) -> bool:
    concerned = [
        policy
        for policy in policies
        if way in policy["policyTypes"] and selects(policy["podSelector"], here)
    ]
    peers = {"Ingress": "from", "Egress": "to"}[way]
    return not concerned or any(
        _is(peer, there) and any(one["port"] == port for one in rule["ports"])
        for policy in concerned
        for rule in policy.get(way.lower(), [])
        for peer in rule[peers]
    )


def _is(peer: Object, labels: Labels | None) -> bool:
    """Without labels it is the ingress controller, in a namespace of its own."""
    if labels is None:
        return "namespaceSelector" in peer
    return "podSelector" in peer and selects(peer["podSelector"], labels)


def to_the_world(objects: Objects) -> dict[str, list[int]]:
    """Which of our pods may leave the cluster, and to which ports."""
    return {
        name: [one["port"] for one in rule["ports"]]
        for name, each in workloads(objects)
        for policy in of_kind(objects, "NetworkPolicy")
        if selects(policy["spec"]["podSelector"], labels_of(each))
        for rule in policy["spec"].get("egress", [])
        if any("ipBlock" in peer for peer in rule["to"])
    }


def unlike_the_need(objects: Objects) -> list[str]:
    """Connections that are needed and refused, or let through and not needed."""
    wanted, wrong = needed(objects), list[str]()
    for way in ("Ingress", "Egress"):
        found = allowed(objects, way)
        mine = wanted if way == "Ingress" else {one for one in wanted if one.source != "ingress"}
        wrong += [
            f"{way}: {one.source} cannot reach {one.target} {one.port}" for one in mine - found
        ]
        wrong += [f"{way}: {one.source} can reach {one.target} {one.port}" for one in found - mine]
    if (world := to_the_world(objects)) != {"payments": [443]}:
        wrong.append(f"the world can be reached by {world}")
    return wrong
