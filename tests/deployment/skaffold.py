"""Whether skaffold.yaml fits the manifests, the Dockerfiles and the sources."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from tests.deployment import hardening, images, sizing
from tests.deployment.manifests import (
    K8S,
    ROOT,
    Object,
    Objects,
    containers_of,
    of_kind,
    render,
    workloads,
)

FILE = ROOT / "skaffold.yaml"
OURS = "ticketing-"
FILES_OF_CADDY = {"ticketing-client", "ticketing-gateway"}

Skaffold: TypeAlias = dict[str, Any]


def load() -> Skaffold:
    """The file as it is."""
    loaded: Skaffold = yaml.load(FILE.read_text(), yaml.CSafeLoader)
    return loaded


def production(skaffold: Skaffold) -> Skaffold:
    """What the profile `prod` makes of it."""
    [profile] = [each for each in skaffold["profiles"] if each["name"] == "prod"]
    return {**skaffold, "build": profile["build"], "manifests": profile["manifests"]}


def artifacts(skaffold: Skaffold) -> Iterator[tuple[str, Object]]:
    """What is built, by the name of its image."""
    yield from ((each["image"], each) for each in skaffold["build"]["artifacts"])


def deployed(skaffold: Skaffold) -> list[Object]:
    """The manifests that it deploys."""
    [folder] = skaffold["manifests"]["kustomize"]["paths"]
    return render(ROOT / folder)


def unlike_the_manifests(skaffold: Skaffold, objects: Objects) -> list[str]:
    """Images that are built and not deployed, or deployed and built by nobody."""
    run = {
        image.partition(":")[0]
        for _, each in workloads(objects)
        for image in (container["image"] for container in containers_of(each))
        if image.startswith(OURS)
    }
    return [
        f"{image} is built or deployed, not both"
        for image in run ^ dict(artifacts(skaffold)).keys()
    ]


def unlike_the_dockerfiles(skaffold: Skaffold) -> list[str]:
    """Dockerfiles, targets and arguments that are not there."""
    wrong = []
    for image, each in artifacts(skaffold):
        docker = each["docker"]
        file = ROOT / docker["dockerfile"]
        if not file.exists():
            wrong.append(f"{image} has no {docker['dockerfile']}")
            continue
        if docker.get("target", "last") not in images.stages(file.read_text()):
            wrong.append(f"{docker['dockerfile']} has no target {docker['target']}")
        wrong += [
            f"{docker['dockerfile']} takes no {argument}"
            for argument in docker.get("buildArgs", {})
            if f"ARG {argument}" not in file.read_text()
        ]
        if docker.get("buildArgs", {}).get("SERVICE", image.removeprefix(OURS)) not in image:
            wrong.append(f"{image} is made of another service")
    return wrong


def unsynced(skaffold: Skaffold) -> list[str]:
    """Globs that match nothing or go elsewhere, and sources that no glob matches."""
    wrong = []
    for image, each in artifacts(skaffold):
        rules = each["sync"]["manual"]
        found = {rule["src"]: set(ROOT.glob(_all_files(rule["src"]))) for rule in rules}
        wrong += [f"{image}: {glob} matches nothing" for glob, files in found.items() if not files]
        home = "/srv" if image in FILES_OF_CADDY else "/app"
        wrong += [f"{image}: goes to {rule['dest']}" for rule in rules if rule["dest"] != home]
        sources = {
            path
            for folder in _copied(each)
            for path in (ROOT / folder).rglob("*")
            if _is_source(image, path)
        }
        missed = sources.difference(*found.values())
        wrong += [f"{image}: {path} is not copied when it changes" for path in missed]
    return wrong


def _all_files(glob: str) -> str:
    """Python's `**` finds folders only."""
    return f"{glob}/*" if glob.endswith("**") else glob


def unwritable(skaffold: Skaffold, objects: Objects) -> list[str]:
    """Containers that a changed source cannot be copied into."""
    synced = {image for image, each in artifacts(skaffold) if "sync" in each}
    return [
        f"{name} is read-only"
        for name, each in workloads(objects)
        for container in containers_of(each)
        if container["image"].partition(":")[0] in synced
        and container["securityContext"].get("readOnlyRootFilesystem") is not False
    ]


def _is_source(image: str, path: Path) -> bool:
    if "__pycache__" in path.parts or "deployment" in path.parts:
        return False
    return path.is_file() and (path.suffix == ".py" or image in FILES_OF_CADDY)


def _copied(artifact: Object) -> list[str]:
    """The folders of the sources that the image holds as they are."""
    docker = artifact["docker"]
    steps = images.stages((ROOT / docker["dockerfile"]).read_text())[docker.get("target", "last")]
    service = docker.get("buildArgs", {}).get("SERVICE", "")
    return [
        words[1].replace("${SERVICE}", service)
        for step in steps
        if step.word == "COPY" and (words := step.rest.split())[0].startswith("--chown")
    ]


def unlike_the_services(skaffold: Skaffold, objects: Objects) -> list[str]:
    """What is forwarded, or asked by the tests, and is not there."""
    there = {
        (each["metadata"]["name"], port["port"])
        for each in of_kind(objects, "Service")
        for port in each["spec"]["ports"]
    }
    wrong = [
        f"{each['resourceName']} {each['port']} is forwarded"
        for each in skaffold["portForward"]
        if (each["resourceName"], each["port"]) not in there
    ]
    for check in skaffold["verify"]:
        addresses = [each.partition("=http://")[2] for each in check["container"]["args"]]
        for host, _, port in (each.partition(":") for each in addresses if each):
            service, _, namespace = host.partition(".")
            if (service, int(port)) not in there or namespace != "ticketing":
                wrong.append(f"the tests ask {host}:{port}")
        if check["container"]["image"] not in dict(artifacts(skaffold)):
            wrong.append(f"nobody builds {check['container']['image']}")
    return wrong


def impossible_jobs(found: Object) -> list[str]:
    """Why the cluster would refuse a job of `verify`, or Skaffold could not use it."""
    wrong = hardening.unconfined([found])
    if found["metadata"].get("namespace") != "ticketing":
        wrong.append("the job does not run where the system is")
    if not found["spec"]["template"].get("metadata", {}).get("labels"):
        wrong.append("the job's pod has no labels, which Skaffold writes into")
    return wrong


def impatient(skaffold: Skaffold, objects: Objects) -> list[str]:
    """Pods that may take longer to start than Skaffold waits for all."""
    return sizing.slow_starts(objects, skaffold["deploy"]["statusCheckDeadlineSeconds"])


def undebugged(skaffold: Skaffold) -> list[str]:
    """Services that `skaffold debug` would put behind a reloader, or not behind python at all."""
    [profile] = [each for each in skaffold["profiles"] if each["name"] == "debug"]
    targets = {patch["path"]: patch["value"] for patch in profile["patches"]}
    wrong = [] if profile["activation"] == [{"command": "debug"}] else ["it is not the profile"]
    for number, (image, each) in enumerate(artifacts(skaffold)):
        if "target" in each["docker"] and each["docker"]["target"] == "dev":
            target = targets.get(f"/build/artifacts/{number}/docker/target", "dev")
            stages = images.stages((ROOT / each["docker"]["dockerfile"]).read_text())
            if images.start_of(stages[target])[:3] != ["python", "-m", "uvicorn"]:
                wrong.append(f"{image} starts as {target}")
    return wrong


def anonymous(skaffold: Skaffold) -> list[str]:
    """Logs of which nobody can say whose they are: all services have containers of one name."""
    prefix = skaffold["deploy"].get("logs", {}).get("prefix")
    return [] if prefix == "podAndContainer" else [f"lines begin with {prefix}"]


def job() -> Object:
    """The job of `verify`."""
    loaded: Object = yaml.load((K8S / "verify.yaml").read_text(), yaml.CSafeLoader)
    return loaded
