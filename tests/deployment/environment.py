"""Whether our programs would start with the environment that the manifests give them."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError
from tests.deployment.manifests import (
    Object,
    Objects,
    containers_of,
    get,
    of_kind,
    pod_of,
    workloads,
)

import auth.settings
import expiration.settings
import orders.settings
import payments.settings
import tickets.settings
from common.settings import EnvironmentSettings, ServiceSettings, TopologySettings
from devstack.service_settings import OF_UVICORN

SETTINGS: dict[str, type[ServiceSettings]] = {
    settings.service: settings
    for settings in (
        auth.settings.Settings,
        tickets.settings.Settings,
        orders.settings.Settings,
        expiration.settings.Settings,
        payments.settings.Settings,
    )
}
PROGRAMS: dict[str, type[EnvironmentSettings]] = {**SETTINGS, "topology": TopologySettings}
"""Whatever reads settings: the services, and what declares the streams that they use."""

BUS_USERS = {name: name for name, each in SETTINGS.items() if "nats_url" in each.model_fields} | {
    "topology": "operator"
}
"""As whom each program comes to the bus."""

PEM = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"
USE = re.compile(r"\$\(([A-Z_]+)\)")
SHAPED = {"publishable-key": "pk_live_madeup"}
"""What a made-up secret has to look like where that matters."""

FILE = {"NATS_CA_FILE": __file__}
"""A file that is there in the place of one that only the pod has."""


def variables_of(objects: Objects, program: str) -> dict[str, str]:
    """The environment of a program as its process sees it; secrets of others are made up."""
    [container] = containers_of(get(objects, "Deployment", program))
    seen: dict[str, str] = {}
    for variable in container["env"]:
        text = str(variable["value"]) if "value" in variable else _secret(objects, variable)
        seen[variable["name"]] = USE.sub(lambda use: seen.get(use[1], use[0]), text)
    return seen


def _secret(objects: Objects, variable: Mapping[str, Any]) -> str:
    reference = variable["valueFrom"]["secretKeyRef"]
    for each in of_kind(objects, "Secret"):
        if each["metadata"]["name"] == reference["name"]:
            return base64.b64decode(each["data"][reference["key"]]).decode()
    return (
        PEM if reference["key"].endswith(".pem") else SHAPED.get(reference["key"], "madeupsecret")
    )


def refused_settings(objects: Objects) -> list[str]:
    """What a program would say instead of starting."""
    wrong = []
    for program, settings in PROGRAMS.items():
        seen = variables_of(objects, program)
        with pytest.MonkeyPatch.context() as process:
            for name in settings.model_fields:
                process.delenv(name.upper(), raising=False)
            for name, value in seen.items():
                process.setenv(name, FILE.get(name, value))
            try:
                settings()
            except ValidationError as error:
                wrong += [f"{program}: {each['loc'][0]}: {each['msg']}" for each in error.errors()]
    return wrong


def unknown_variables(objects: Objects) -> list[str]:
    """Variables that a program does not read, misspelt ones among them."""
    wrong = []
    for program, settings in PROGRAMS.items():
        [container] = containers_of(get(objects, "Deployment", program))
        used = set(USE.findall(" ".join(str(one.get("value", "")) for one in container["env"])))
        known = {name.upper() for name in settings.model_fields} | OF_UVICORN | used
        wrong += [
            f"{program} does not read {one['name']}"
            for one in container["env"]
            if one["name"] not in known
        ]
    return wrong


def unfilled_variables(objects: Objects) -> list[str]:
    """`$(NAME)` that Kubernetes leaves as it is, because NAME is not defined before it."""
    return [
        f"{name}: {variable['name']} uses {use}, which is not defined before it"
        for name, each in workloads(objects)
        for container in containers_of(each)
        for number, variable in enumerate(container.get("env", []))
        for use in USE.findall(str(variable.get("value", "")))
        if use not in {before["name"] for before in container["env"][:number]}
    ]


def doubled_variables(objects: Objects) -> list[str]:
    """Variables with two values."""
    wrong = []
    for name, each in workloads(objects):
        for container in containers_of(each):
            names = [one["name"] for one in container.get("env", [])]
            wrong += [f"{name}: {one} is there twice" for one in names if names.count(one) > 1]
    return wrong


def misled_programs(objects: Objects) -> list[str]:
    """Programs that would not find their own database or the bus, as their own user."""
    wrong = []
    for service in SETTINGS:
        mongo = urlsplit(variables_of(objects, service).get("MONGO_URI", ""))
        if (mongo.username, mongo.port, mongo.path) != (service, 27017, f"/{service}"):
            wrong.append(f"{service}: its database is {mongo.username}:{mongo.port}{mongo.path}")
        if mongo.hostname not in _databases_of(objects, service):
            wrong.append(f"{service}: {mongo.hostname} has no user of that name")
    for program, user in BUS_USERS.items():
        bus = urlsplit(variables_of(objects, program).get("NATS_URL", ""))
        if (bus.username, bus.hostname, bus.port) != (user, "nats", 4222):
            wrong.append(f"{program}: the bus is {bus.username}@{bus.hostname}:{bus.port}")
    return wrong


def _databases_of(objects: Objects, service: str) -> set[str]:
    """The names under which the databases are reached that make a user for a service."""
    password = f"{service.upper()}_MONGO_PASSWORD"
    return {
        each["spec"]["serviceName"]
        for _, each in databases(objects)
        if any(one["name"] == password for one in containers_of(each)[0]["env"])
    }


def databases(objects: Objects) -> Iterator[tuple[str, Object]]:
    """Every MongoDB, by name."""
    for name, each in workloads(objects):
        if each["metadata"]["labels"].get("app.kubernetes.io/component") == "database":
            yield name, each


def misnamed_members(objects: Objects) -> list[str]:
    """Databases whose members are not the pods that they have, by their full names.

    A pod knows its own full name from its start; of a short one, DNS may still say the old address.
    """
    wrong = []
    for name, each in databases(objects):
        [container] = containers_of(each)
        variables = {one["name"]: one.get("value") for one in container["env"]}
        domain = f"{name}.{each['metadata']['namespace']}.svc.cluster.local:27017"
        pods = [f"{name}-{number}.{domain}" for number in range(each["spec"]["replicas"])]
        if variables["MONGO_MEMBERS"] != ",".join(pods):
            wrong.append(f"{name} has the members {variables['MONGO_MEMBERS']}")
    return wrong


def overstretched_streams(objects: Objects) -> list[str]:
    """More, or fewer, copies of the stream than there are servers."""
    servers = get(objects, "StatefulSet", "nats")["spec"]["replicas"]
    copies = int(variables_of(objects, "topology").get("STREAM_REPLICAS", "1"))
    return [] if copies == servers else [f"{copies} copies of the stream on {servers} servers"]


def spread_secrets(objects: Objects) -> list[str]:
    """Secrets in pods that have no business with them."""
    wrong = []
    for name, each in workloads(objects):
        for secret, key in _secrets_of(each):
            if name not in _entitled(secret, key):
                wrong.append(f"{name} can read {secret} {key}")
    return wrong


def _secrets_of(workload: Object) -> list[tuple[str, str]]:
    references = [
        one["valueFrom"]["secretKeyRef"]
        for container in containers_of(workload)
        for one in container.get("env", [])
        if "secretKeyRef" in one.get("valueFrom", {})
    ]
    mounted = [
        (volume["secret"]["secretName"], item["key"])
        for volume in pod_of(workload)["spec"].get("volumes", [])
        if "secret" in volume
        for item in volume["secret"].get("items", [{"key": "tls.key"}])
    ]
    return [(one["name"], one["key"]) for one in references] + mounted


def _entitled(secret: str, key: str) -> set[str]:
    """Who may read it; generated names end with what follows from their content."""
    for service in SETTINGS:
        if secret.startswith(f"{service}-mongo"):
            return {f"{service}-mongo"} | ({service, "mongo"} if key == "password" else set())
    if secret.startswith("mongo-"):
        return {"mongo"}
    if secret.startswith("session-private-key"):
        return {"auth"}
    if secret.startswith("session-public-key"):
        return set(SETTINGS)
    if secret.startswith("stripe"):
        return {"payments"} | ({"sandbox"} if key == "webhook-secret" else set())
    if secret.startswith("nats-passwords"):
        return {"nats"} | {program for program, user in BUS_USERS.items() if user == key}
    return {"nats"} | ({*BUS_USERS} if key == "ca.crt" else set())
