"""Rendered manifests, as the API server would get them, and a look into them."""

import copy
import os
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "infra" / "k8s"
KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"

Object: TypeAlias = dict[str, Any]
Objects: TypeAlias = Sequence[Object]
Labels: TypeAlias = Mapping[str, str]

WORKLOADS = {"Deployment", "StatefulSet", "Job"}


def render(folder: Path) -> list[Object]:
    """What `kubectl apply -k` would send; without a cluster and without a network."""
    done = subprocess.run(  # noqa: S603 (the command is ours)
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr  # what is deprecated is said there
    return [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each]


def render_with(components: Sequence[str], overlay: str, folder: Path) -> list[Object]:
    """An overlay with some components more, put together in `folder`."""
    here = {
        "resources": [os.path.relpath(K8S / "overlays" / overlay, folder)],
        "components": [os.path.relpath(K8S / "components" / one, folder) for one in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(here))
    return render(folder)


def name_of(each: Object) -> str:
    """As kubectl names it, for a person to read."""
    return f"{each['kind'].lower()}/{each['metadata']['name']}"


def of_kind(objects: Objects, *kinds: str) -> list[Object]:
    """All objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def get(objects: Objects, kind: str, name: str) -> Object:
    """The one object of that name; its suffix, which follows its content, may be left out."""
    found = [
        each
        for each in of_kind(objects, kind)
        if each["metadata"]["name"] == name or each["metadata"]["name"].startswith(f"{name}-")
    ]
    assert found, f"there is no {kind} {name}"
    return min(found, key=lambda each: len(each["metadata"]["name"]))


def pod_of(workload: Object) -> Object:
    """The pod that a workload makes."""
    pod: Object = workload["spec"]["template"]
    return pod


def containers_of(workload: Object) -> list[Object]:
    """All containers of its pod, those that prepare it included."""
    spec = pod_of(workload)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def container_of(objects: Objects, kind: str, name: str) -> Object:
    """The one container of a workload."""
    [container] = containers_of(get(objects, kind, name))
    return container


def labels_of(workload: Object) -> Labels:
    """The labels of its pods."""
    labels: Labels = pod_of(workload)["metadata"]["labels"]
    return labels


def selects(selector: Object, labels: Labels) -> bool:
    """Whether a label selector finds what has these labels."""
    exact = selector.get("matchLabels", {})
    among = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        labels.get(each["key"]) in each["values"] for each in among
    )


def workloads(objects: Objects) -> Iterator[tuple[str, Object]]:
    """What makes pods, by name."""
    for each in of_kind(objects, *WORKLOADS):
        yield each["metadata"]["name"], each


def changed(objects: Objects) -> list[Object]:
    """A copy that a test may spoil."""
    return copy.deepcopy(list(objects))
