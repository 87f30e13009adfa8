"""Whether everything that a manifest names exists: what no schema can say."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tests.deployment.manifests import (
    Object,
    Objects,
    containers_of,
    labels_of,
    name_of,
    of_kind,
    pod_of,
    selects,
    workloads,
)

Outside = Mapping[str, Collection[str]]
"""Secrets that are made by hand, with their keys."""


def dangling_keys(objects: Objects, outside: Outside) -> list[str]:
    """References to secrets and config maps, or to keys of them, that are not there."""
    there: dict[tuple[str, str], Collection[str]] = {
        (each["kind"], each["metadata"]["name"]): {
            *each.get("data", {}),
            *each.get("stringData", {}),
        }
        for each in of_kind(objects, "Secret", "ConfigMap")
    }
    there |= {("Secret", name): keys for name, keys in outside.items()}
    return [
        f"{workload} uses {kind} {name} {key}, which is not there"
        for workload, each in workloads(objects)
        for kind, name, key in _wanted(each)
        if (kind, name) not in there or (key and key not in there[kind, name])
    ]


def _wanted(workload: Object) -> Iterator[tuple[str, str, str]]:
    yield from _read_as_variables(workload)
    yield from _mounted(workload)


def _read_as_variables(workload: Object) -> Iterator[tuple[str, str, str]]:
    for container in containers_of(workload):
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if field in source:
                    yield kind, source[field]["name"], source[field]["key"]


def _mounted(workload: Object) -> Iterator[tuple[str, str, str]]:
    for volume in pod_of(workload)["spec"].get("volumes", []):
        for field, kind, label in (
            ("secret", "Secret", "secretName"),
            ("configMap", "ConfigMap", "name"),
        ):
            if field in volume:
                for item in volume[field].get("items", [{"key": ""}]):
                    yield kind, volume[field][label], item["key"]


def dangling_volumes(objects: Objects) -> list[str]:
    """Mounts of volumes that the pod does not have, and volumes that nobody mounts."""
    wrong = []
    for name, each in workloads(objects):
        claimed = {
            claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])
        }
        there = claimed | {one["name"] for one in pod_of(each)["spec"].get("volumes", [])}
        mounted = {
            mount["name"]
            for container in containers_of(each)
            for mount in container.get("volumeMounts", [])
        }
        wrong += [f"{name}: volume {one} is mounted or there, not both" for one in there ^ mounted]
    return wrong


def dangling_accounts(objects: Objects) -> list[str]:
    """Pods that run as an account that is not there."""
    there = {each["metadata"]["name"] for each in of_kind(objects, "ServiceAccount")} | {"default"}
    return [
        f"{name} runs as {account}, which is not there"
        for name, each in workloads(objects)
        if (account := pod_of(each)["spec"].get("serviceAccountName", "default")) not in there
    ]


def _port_names(workload: Object) -> set[str]:
    return {port["name"] for one in containers_of(workload) for port in one.get("ports", [])}


def dangling_ports(objects: Objects) -> list[str]:
    """Probes and services that lead to ports that no container has."""
    wrong = []
    for name, each in workloads(objects):
        for container in containers_of(each):
            own = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                handler = container.get(probe, {})
                asked = handler.get("httpGet") or handler.get("tcpSocket")
                if asked and asked["port"] not in own:
                    wrong.append(f"{name}: {probe} asks port {asked['port']}")
    for service in of_kind(objects, "Service"):
        behind = _behind(objects, service["spec"]["selector"])
        wrong += [
            f"{name_of(service)} leads to port {port['targetPort']}"
            for port in service["spec"]["ports"]
            if not all(port["targetPort"] in _port_names(each) for each in behind)
        ]
    return wrong


def _behind(objects: Objects, labels: Mapping[str, str]) -> list[Object]:
    return [
        each for _, each in workloads(objects) if selects({"matchLabels": labels}, labels_of(each))
    ]


def empty_selectors(objects: Objects) -> list[str]:
    """Selectors that find no pod, and workloads that do not find their own."""
    pods = [labels_of(each) for _, each in workloads(objects)]
    wrong = [
        f"{name_of(each)} selects no pod: {selector}"
        for each in objects
        for selector in _selectors(each)
        if not any(selects(selector, labels) for labels in pods)
    ]
    return wrong + [
        f"{name_of(each)} does not select its own pods"
        for each in of_kind(objects, "Deployment", "StatefulSet")
        if not selects(each["spec"]["selector"], labels_of(each))
    ]


def _selectors(each: Object) -> Iterator[Object]:
    find: dict[str, Callable[[Object], list[Object]]] = {
        "Service": lambda spec: [{"matchLabels": spec["selector"]}],
        "PodDisruptionBudget": lambda spec: [spec["selector"]],
        "NetworkPolicy": _policy_selectors,
    }
    if each["kind"] in find:
        yield from find[each["kind"]](each["spec"])
    if each["kind"] in {"Deployment", "StatefulSet"}:
        for spread in pod_of(each)["spec"].get("topologySpreadConstraints", []):
            yield spread["labelSelector"]


def _policy_selectors(spec: Object) -> list[Object]:
    peers = [peer for rule in spec.get("ingress", []) for peer in rule.get("from", [])]
    peers += [peer for rule in spec.get("egress", []) for peer in rule.get("to", [])]
    return [spec["podSelector"], *(peer["podSelector"] for peer in peers if "podSelector" in peer)]


def dangling_targets(objects: Objects) -> list[str]:
    """Autoscalers, stateful sets and routes that name something that is not there."""
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    wrong = [
        f"{name_of(each)} scales {target['kind']} {target['name']}"
        for each in of_kind(objects, "HorizontalPodAutoscaler")
        if ((target := each["spec"]["scaleTargetRef"])["kind"], target["name"]) not in there
    ]
    wrong += [
        f"{name_of(each)} is served by {each['spec']['serviceName']}"
        for each in of_kind(objects, "StatefulSet")
        if ("Service", each["spec"]["serviceName"]) not in there
    ]
    return wrong + [
        f"{path} leads to {service} at port {port}"
        for path, service, port in backends(objects)
        if port not in _service_ports(objects, service)
    ]


def backends(objects: Objects) -> list[tuple[str, str, Any]]:
    """Path, service and port (name or number) of each route, of an Ingress or an HTTPRoute."""
    found = []
    for each in of_kind(objects, "Ingress"):
        for rule in each["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                port = service["port"].get("name", service["port"].get("number"))
                found.append((path["path"], service["name"], port))
    for each in of_kind(objects, "HTTPRoute"):
        for rule in each["spec"]["rules"]:
            [match], [backend] = rule["matches"], rule["backendRefs"]
            found.append((match["path"]["value"], backend["name"], backend["port"]))
    return found


def _service_ports(objects: Objects, name: str) -> set[Any]:
    return {
        value
        for each in of_kind(objects, "Service")
        if each["metadata"]["name"] == name
        for port in each["spec"]["ports"]
        for value in (port["name"], port["port"])
    }
