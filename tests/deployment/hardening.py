"""Whether pods are confined, sized and stopped as they should be."""

from collections.abc import Iterator, Mapping

from tests.deployment.manifests import (
    Object,
    Objects,
    containers_of,
    get,
    of_kind,
    pod_of,
    workloads,
)

from common.settings import ServiceSettings
from common.shutdown import CLOSING_SECONDS

VOLUMES = {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI"}
KEEP = ["python", "-m", "common.topology", "keep"]
CHECK = ["python", "-m", "common.topology", "check"]
LAME_DUCK_SECONDS: float = ServiceSettings.model_fields["lame_duck_seconds"].default


def unconfined(objects: Objects, standard: str = "restricted") -> list[str]:
    """Pods that the restricted pod security standard would refuse, and a little more.

    `standard` is what the namespace has to enforce.
    """
    wrong = [
        f"the namespace does not enforce the standard {standard}"
        for each in of_kind(objects, "Namespace")
        if each["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != standard
    ]
    for name, each in workloads(objects):
        wrong += [f"{name}: {what}" for what in _loose_pod(pod_of(each)["spec"])]
        for container in containers_of(each):
            loose = _loose_container(container)
            wrong += [f"{name}, container {container['name']}: {what}" for what in loose]
    return wrong


def _loose_pod(spec: Object) -> Iterator[str]:
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if any(spec.get(field) for field in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares the node's namespaces"
    if spec.get("automountServiceAccountToken") is not False:
        yield "has a token of the API server"
    if spec.get("enableServiceLinks") is not False:
        yield "gets variables that nobody wrote"
    if any(not VOLUMES.intersection(volume) for volume in spec.get("volumes", [])):
        yield "has a volume of a kind that is not allowed"


def _loose_container(container: Object) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may become more than it is"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if any(security.get(field) for field in ("privileged", "runAsUser", "seccompProfile")):
        yield "goes its own way"


def writable(objects: Objects) -> list[str]:
    """Containers that could write where they should not."""
    return [
        f"{name}, container {container['name']}: its root file system is writable"
        for name, each in workloads(objects)
        for container in containers_of(each)
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True
    ]


def unsized(objects: Objects) -> list[str]:
    """Containers whose needs are not said, or whose memory has no end."""
    wrong = []
    for name, each in workloads(objects):
        for container in containers_of(each):
            sizes = container.get("resources", {})
            if not {"cpu", "memory"} <= sizes.get("requests", {}).keys():
                wrong.append(f"{name} does not say what it needs")
            if "memory" not in sizes.get("limits", {}):
                wrong.append(f"{name} has no limit of memory")
    return wrong


def loose_images(objects: Objects) -> list[str]:
    """Images of which nobody can say which they are."""
    return [
        f"{name} runs {image}"
        for name, each in workloads(objects)
        for image in (container["image"] for container in containers_of(each))
        if _is_loose(image)
    ]


def _is_loose(image: str) -> bool:
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in {"", "latest"} and "@sha256:" not in image


PROBES = {"startupProbe": "/livez", "readinessProbe": "/acceptz", "livenessProbe": "/livez"}


def unprobed(objects: Objects) -> list[str]:
    """Services that are not asked how they are, in the three ways of common/web/health.py."""
    return _asked_otherwise(objects, PROBES)


def forgetful(objects: Objects) -> list[str]:
    """Services, or a client, that lose what was copied into them when they do not live."""
    synced = [
        f"{name} has a liveness probe"
        for name, each in workloads(objects)
        if containers_of(each)[0]["image"].startswith("ticketing-")
        and "livenessProbe" in containers_of(each)[0]
    ]
    return synced + _asked_otherwise(objects, {**PROBES, "livenessProbe": None})


def _asked_otherwise(objects: Objects, wanted: Mapping[str, str | None]) -> list[str]:
    wrong = []
    for name, each in _services(objects):
        [container] = containers_of(each)
        asked = {probe: container.get(probe, {}).get("httpGet", {}).get("path") for probe in wanted}
        if asked != wanted:
            wrong.append(f"{name} is asked {asked}")
    return wrong


def misjudged_nats(objects: Objects) -> list[str]:
    """NATS that nobody restarts when it takes nothing any more, or whose servers all restart."""
    server = get(objects, "StatefulSet", "nats")
    [container] = containers_of(server)
    asked = container.get("livenessProbe", {}).get("httpGet", {}).get("path")
    wanted = "/healthz" if server["spec"]["replicas"] == 1 else "/healthz?js-enabled-only=true"
    return [f"nats is asked {asked}"] if asked != wanted else []


def cut_short(objects: Objects) -> list[str]:
    """Services that would be killed while they stop."""
    wrong = []
    for name, each in _services(objects):
        [container] = containers_of(each)
        variables = {one["name"]: one.get("value") for one in container["env"]}
        needed = (
            container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            + float(variables.get("LAME_DUCK_SECONDS", LAME_DUCK_SECONDS))
            + CLOSING_SECONDS
        )
        given = pod_of(each)["spec"]["terminationGracePeriodSeconds"]
        if needed > given:
            wrong.append(f"{name} needs {needed} s to stop and is given {given}")
    return wrong


def without_pause(objects: Objects) -> list[str]:
    """Services that get SIGTERM while they are still being chosen."""
    return [
        f"{name} is told to stop at once"
        for name, each in _services(objects)
        if not containers_of(each)[0].get("lifecycle", {}).get("preStop", {}).get("sleep")
    ]


def scaled_twice(objects: Objects) -> list[str]:
    """Numbers that each deployment would set back to what the autoscaler had changed."""
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for each in of_kind(objects, "HorizontalPodAutoscaler")
    }
    return [
        f"{each['metadata']['name']} has an autoscaler and a number of replicas"
        for each in of_kind(objects, "Deployment")
        if each["metadata"]["name"] in scaled and "replicas" in each["spec"]
    ]


def badly_declared(objects: Objects) -> list[str]:
    """Streams that nobody keeps, or that two versions would declare at once."""
    topology = get(objects, "Deployment", "topology")
    [container] = containers_of(topology)
    there = {
        "replicas": topology["spec"].get("replicas"),
        "strategy": topology["spec"].get("strategy"),
        "command": [*container["command"], *container.get("args", [])][-len(KEEP) :],
        "startupProbe": container.get("startupProbe", {}).get("exec", {}).get("command"),
    }
    wanted = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "command": KEEP,
        "startupProbe": CHECK,
    }
    return [f"topology: {name} is {it}" for name, it in there.items() if it != wanted[name]]


def _services(objects: Objects) -> Iterator[tuple[str, Object]]:
    for name, each in workloads(objects):
        if each["metadata"]["labels"].get("app.kubernetes.io/component") == "service":
            yield name, each
