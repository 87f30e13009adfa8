"""Whether there is room for what is deployed, for what matters first, and time to start it."""

import re
from collections.abc import Iterator

from tests.deployment.manifests import (
    Object,
    Objects,
    containers_of,
    get,
    of_kind,
    pod_of,
    workloads,
)

MILLI = 1000
MINIKUBE_MILLICORES = 2 * MILLI - 750
"""What `minikube start` leaves of its two CPUs: its own pods ask for the rest."""

MARGIN_SECONDS = 60.0
"""Images are pulled, and volumes are made, before a container may begin to start."""

USABLE = 0.9
"""How much of a volume files may fill."""

UNITS = {"MB": 10**6, "GB": 10**9, "Mi": 2**20, "Gi": 2**30}


def cramped(objects: Objects) -> list[str]:
    """More than two CPUs hold beside minikube itself, while a service is being replaced, too."""
    asked = sum(
        _millicores(each) * each["spec"].get("replicas", 1) for _, each in workloads(objects)
    )
    surge = sum(_millicores(each) for each in of_kind(objects, "Deployment") if _surges(each))
    if asked + surge <= MINIKUBE_MILLICORES:
        return []
    return [f"{asked}m, and {surge}m more in a deployment, of {MINIKUBE_MILLICORES}m"]


def _millicores(workload: Object) -> int:
    return sum(
        int(asked[:-1]) if asked.endswith("m") else int(asked) * MILLI
        for container in containers_of(workload)
        for asked in [str(container["resources"]["requests"]["cpu"])]
    )


def _surges(deployment: Object) -> bool:
    return bool(deployment["spec"].get("strategy", {}).get("type") != "Recreate")


def misplaced(objects: Objects) -> list[str]:
    """Databases or a bus that services could keep from being placed."""
    values = {each["metadata"]["name"]: each["value"] for each in of_kind(objects, "PriorityClass")}
    return [
        f"{name} has no priority over services"
        for name, each in workloads(objects)
        if each["kind"] == "StatefulSet"
        and _is_data(each)
        and values.get(pod_of(each)["spec"].get("priorityClassName"), 0) <= 0
    ] + [
        f"{name} is placed as early as the databases"
        for name, each in workloads(objects)
        if not _is_data(each) and "priorityClassName" in pod_of(each)["spec"]
    ]


def _is_data(workload: Object) -> bool:
    return workload["metadata"]["labels"].get("app.kubernetes.io/component") in {"database", "bus"}


def overfilled_volumes(objects: Objects) -> list[str]:
    """A bus that may store more than its volume holds."""
    server = get(objects, "StatefulSet", "nats")
    [container] = containers_of(server)
    [store] = [one["value"] for one in container["env"] if one["name"] == "NATS_FILE_STORE"]
    [claim] = server["spec"]["volumeClaimTemplates"]
    volume = claim["spec"]["resources"]["requests"]["storage"]
    if _bytes(store) <= USABLE * _bytes(volume):
        return []
    return [f"nats may store {store} on a volume of {volume}"]


def _bytes(size: str) -> int:
    parts = re.fullmatch(r"(\d+)([A-Z][Bi])", size)
    assert parts, size
    return int(parts[1]) * UNITS[parts[2]]


def slow_starts(objects: Objects, deadline: float) -> list[str]:
    """Pods that may take longer to start than somebody waits for them (seconds)."""
    return [
        f"{name} may take {budget:g} s to start, of {deadline:g} s"
        for name, budget in _budgets(objects)
        if budget + MARGIN_SECONDS > deadline
    ]


def _budgets(objects: Objects) -> Iterator[tuple[str, float]]:
    for name, each in workloads(objects):
        for container in containers_of(each):
            if probe := container.get("startupProbe"):
                yield name, probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
