"""One mistake at a time, each with the name of the check that has to find it."""

from collections.abc import Callable
from typing import Any

from tests.deployment.manifests import Object, Objects, container_of, get, pod_of

Mistake = Callable[[list[Object]], object]


def pod(objects: Objects, name: str, kind: str = "Deployment") -> Object:
    """The spec of the pods of a workload."""
    spec: Object = pod_of(get(objects, kind, name))["spec"]
    return spec


def env(objects: Objects, name: str, variable: str, kind: str = "Deployment") -> Object:
    """One variable of a workload."""
    variables = container_of(objects, kind, name)["env"]
    [found] = [one for one in variables if one["name"] == variable]
    assert isinstance(found, dict)
    return found


def forget_env(objects: Objects, name: str, variable: str) -> None:
    """Take a variable away from a service."""
    container_of(objects, "Deployment", name)["env"].remove(env(objects, name, variable))


def add_env(objects: Objects, name: str, variable: str, value: str) -> None:
    """Give a service one variable more."""
    container_of(objects, "Deployment", name)["env"].append({"name": variable, "value": value})


def volume(objects: Objects, kind: str, name: str, wanted: str) -> Object:
    """One volume of a workload."""
    [found] = [one for one in pod(objects, name, kind)["volumes"] if one["name"] == wanted]
    assert isinstance(found, dict)
    return found


def paths(objects: Objects) -> list[Any]:
    """The routes of the Ingress."""
    found = get(objects, "Ingress", "ticketing")["spec"]["rules"][0]["http"]["paths"]
    assert isinstance(found, list)
    return found


def remove(objects: list[Object], kind: str, name: str) -> None:
    """Take an object away."""
    objects.remove(get(objects, kind, name))


def use_secret(objects: Objects, name: str, secret: str, key: str) -> None:
    """Let a service read a secret."""
    reference = {"secretKeyRef": {"name": secret, "key": key}}
    variables = container_of(objects, "Deployment", name)["env"]
    variables.append({"name": "STOLEN", "valueFrom": reference})


def rules(objects: Objects, policy: str, way: str) -> list[Any]:
    """What a network policy lets through."""
    found = get(objects, "NetworkPolicy", policy)["spec"][way]
    assert isinstance(found, list)
    return found


MISTAKES: dict[str, tuple[str, Mistake]] = {
    "a secret that nobody makes": (
        "keys",
        lambda it: env(it, "auth", "MONGO_PASSWORD")["valueFrom"]["secretKeyRef"].update(name="x"),
    ),
    "a key that the secret has not": (
        "keys",
        lambda it: env(it, "auth", "MONGO_PASSWORD")["valueFrom"]["secretKeyRef"].update(key="x"),
    ),
    "a config map under another name": (
        "keys",
        lambda it: volume(it, "StatefulSet", "nats", "config")["configMap"].update(name="x"),
    ),
    "a mount without its volume": ("volumes", lambda it: pod(it, "auth").pop("volumes")),
    "a volume without its mount": (
        "volumes",
        lambda it: container_of(it, "StatefulSet", "auth-mongo")["volumeMounts"].pop(),
    ),
    "an account that is not there": (
        "accounts",
        lambda it: remove(it, "ServiceAccount", "mongo"),
    ),
    "a probe of another port": (
        "ports",
        lambda it: container_of(it, "Deployment", "auth")["livenessProbe"]["httpGet"].update(
            port="web"
        ),
    ),
    "a service to another port": (
        "ports",
        lambda it: get(it, "Service", "orders")["spec"]["ports"][0].update(targetPort="web"),
    ),
    "a service of other pods": (
        "selectors",
        lambda it: get(it, "Service", "orders")["spec"].update(selector={"app": "order"}),
    ),
    "a budget of other pods": (
        "selectors",
        lambda it: get(it, "PodDisruptionBudget", "nats")["spec"]["selector"].update(
            matchLabels={"app": "nat"}
        ),
    ),
    "a policy for other pods": (
        "selectors",
        lambda it: get(it, "NetworkPolicy", "to-stripe")["spec"].update(
            podSelector={"matchLabels": {"app": "payment"}}
        ),
    ),
    "a deployment of other pods": (
        "selectors",
        lambda it: get(it, "Deployment", "auth")["spec"]["selector"].update(
            matchLabels={"app.kubernetes.io/name": "orders"}
        ),
    ),
    "an autoscaler of nothing": ("targets", lambda it: remove(it, "Deployment", "auth")),
    "a set without its service": (
        "targets",
        lambda it: remove(it, "Service", "nats-nodes"),
    ),
    "a route to another port": (
        "targets",
        lambda it: paths(it)[0]["backend"]["service"]["port"].update(name="web"),
    ),
    "a route too few": ("routes", lambda it: paths(it).pop(1)),
    "a route to another service": (
        "routes",
        lambda it: paths(it)[0]["backend"]["service"].update(name="orders"),
    ),
    "a path of another spelling": (
        "routes",
        lambda it: paths(it)[0].update(path="/api/user"),
    ),
    "a namespace without a standard": (
        "confined",
        lambda it: get(it, "Namespace", "ticketing")["metadata"].update(labels={}),
    ),
    "a pod that may be root": (
        "confined",
        lambda it: pod(it, "auth")["securityContext"].pop("runAsNonRoot"),
    ),
    "a container with capabilities": (
        "confined",
        lambda it: container_of(it, "StatefulSet", "nats")["securityContext"].pop("capabilities"),
    ),
    "an initial container that is not confined": (
        "confined",
        lambda it: pod(it, "auth").update(initContainers=[{"name": "x", "image": "x:1"}]),
    ),
    "a volume of the node": (
        "confined",
        lambda it: pod(it, "auth")["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    ),
    "a token": (
        "confined",
        lambda it: pod(it, "auth").pop("automountServiceAccountToken"),
    ),
    "no seccomp": (
        "confined",
        lambda it: pod(it, "auth")["securityContext"].pop("seccompProfile"),
    ),
    "a writable root": (
        "read-only",
        lambda it: container_of(it, "Deployment", "auth")["securityContext"].update(
            readOnlyRootFilesystem=False
        ),
    ),
    "no requests": (
        "sized",
        lambda it: container_of(it, "Deployment", "auth")["resources"].pop("requests"),
    ),
    "no limit": (
        "sized",
        lambda it: container_of(it, "Deployment", "auth")["resources"].pop("limits"),
    ),
    "the latest image": (
        "images",
        lambda it: container_of(it, "StatefulSet", "nats").update(image="nats:latest"),
    ),
    "an image without a tag": (
        "images",
        lambda it: container_of(it, "StatefulSet", "nats").update(image="registry:5000/nats"),
    ),
    "no startup probe": (
        "probes",
        lambda it: container_of(it, "Deployment", "auth").pop("startupProbe"),
    ),
    "a liveness that asks MongoDB": (
        "probes",
        lambda it: container_of(it, "Deployment", "auth")["livenessProbe"]["httpGet"].update(
            path="/readyz"
        ),
    ),
    "streams that restart all servers": (
        "probes of NATS",
        lambda it: container_of(it, "StatefulSet", "nats")["livenessProbe"]["httpGet"].update(
            path="/healthz"
        ),
    ),
    "too little time to stop": (
        "stopping",
        lambda it: pod(it, "auth").update(terminationGracePeriodSeconds=13),
    ),
    "a duck that is lame for too long": (
        "stopping",
        lambda it: add_env(it, "auth", "LAME_DUCK_SECONDS", "20"),
    ),
    "no pause before SIGTERM": (
        "pause",
        lambda it: container_of(it, "Deployment", "auth").pop("lifecycle"),
    ),
    "a variable too few": (
        "settings",
        lambda it: forget_env(it, "payments", "STRIPE_SECRET_KEY"),
    ),
    "a topology without its bus": (
        "settings",
        lambda it: forget_env(it, "topology", "NATS_URL"),
    ),
    "a variable that is wrong": (
        "settings",
        lambda it: add_env(it, "payments", "STRIPE_API_BASE", "stripe"),
    ),
    "a variable of another spelling": (
        "unknown variables",
        lambda it: add_env(it, "orders", "ORDER_WINDOWS_SECONDS", "900"),
    ),
    "a variable of another program": (
        "unknown variables",
        lambda it: add_env(it, "orders", "STREAM_REPLICAS", "3"),
    ),
    "a topology of another spelling": (
        "unknown variables",
        lambda it: env(it, "topology", "STREAM_REPLICAS").update(name="STREAM_REPLICA"),
    ),
    "a variable that is used too early": (
        "unfilled variables",
        lambda it: container_of(it, "Deployment", "orders")["env"].reverse(),
    ),
    "a variable with two values": (
        "doubled variables",
        lambda it: add_env(it, "topology", "STREAM_REPLICAS", "3"),
    ),
    "another's database": (
        "addresses",
        lambda it: env(it, "orders", "MONGO_URI").update(
            value="mongodb://orders:x@orders-mongo:27017/tickets"
        ),
    ),
    "another's server": (
        "addresses",
        lambda it: env(it, "orders", "MONGO_HOST").update(value="tickets-mongo"),
    ),
    "another's user": (
        "addresses",
        lambda it: env(it, "orders", "NATS_URL").update(value="nats://tickets:x@nats:4222"),
    ),
    "a topology with the rights of a service": (
        "addresses",
        lambda it: env(it, "topology", "NATS_URL").update(value="nats://orders:x@nats:4222"),
    ),
    "a member too many": (
        "members",
        lambda it: get(it, "StatefulSet", "auth-mongo")["spec"].update(replicas=5),
    ),
    "members that DNS has to find": (
        "members",
        lambda it: get(it, "StatefulSet", "auth-mongo")["metadata"].update(namespace="other"),
    ),
    "a copy too few": (
        "copies of the stream",
        lambda it: env(it, "topology", "STREAM_REPLICAS").update(value="1"),
    ),
    "copies that nobody asks for": (
        "copies of the stream",
        lambda it: forget_env(it, "topology", "STREAM_REPLICAS"),
    ),
    "a database like any other": (
        "priorities",
        lambda it: pod(it, "auth-mongo", "StatefulSet").pop("priorityClassName"),
    ),
    "a priority that is not there": (
        "priorities",
        lambda it: remove(it, "PriorityClass", "ticketing-data"),
    ),
    "a service that comes first": (
        "priorities",
        lambda it: pod(it, "auth").update(priorityClassName="ticketing-data"),
    ),
    "a bus that fills its disk": (
        "stores",
        lambda it: env(it, "nats", "NATS_FILE_STORE", "StatefulSet").update(value="10GB"),
    ),
    "a start that nobody waits for": (
        "rollouts",
        lambda it: container_of(it, "Deployment", "topology")["startupProbe"].update(
            failureThreshold=120
        ),
    ),
    "two that declare": (
        "topology",
        lambda it: get(it, "Deployment", "topology")["spec"].update(replicas=2),
    ),
    "an old version that declares beside the new one": (
        "topology",
        lambda it: get(it, "Deployment", "topology")["spec"].pop("strategy"),
    ),
    "a topology that is declared and not kept": (
        "topology",
        lambda it: container_of(it, "Deployment", "topology")["command"].__setitem__(-1, "apply"),
    ),
    "a topology that nobody looks at": (
        "topology",
        lambda it: container_of(it, "Deployment", "topology").pop("startupProbe"),
    ),
    "the private key elsewhere": (
        "secrets",
        lambda it: use_secret(it, "orders", "session-private-key", "private.pem"),
    ),
    "another's password": (
        "secrets",
        lambda it: use_secret(it, "orders", "nats-passwords", "tickets"),
    ),
    "the operator's password": (
        "secrets",
        lambda it: use_secret(it, "orders", "nats-passwords", "operator"),
    ),
    "the password of root": (
        "secrets",
        lambda it: use_secret(it, "orders", "orders-mongo", "root-password"),
    ),
    "the key of NATS": (
        "secrets",
        lambda it: volume(it, "Deployment", "orders", "nats-ca")["secret"].pop("items"),
    ),
    "replicas beside an autoscaler": (
        "replicas",
        lambda it: get(it, "Deployment", "auth")["spec"].update(replicas=2),
    ),
    "no default deny": (
        "connections",
        lambda it: remove(it, "NetworkPolicy", "default-deny"),
    ),
    "a database that is open to all": (
        "connections",
        lambda it: rules(it, "auth-mongo", "ingress")[0].update({"from": [{"podSelector": {}}]}),
    ),
    "a way out for all": (
        "connections",
        lambda it: get(it, "NetworkPolicy", "to-stripe")["spec"].update(podSelector={}),
    ),
    "a pod that may go anywhere": (
        "connections",
        lambda it: rules(it, "auth-to-mongo", "egress")[0].update({"to": [{"podSelector": {}}]}),
    ),
    "no way to the bus": (
        "connections",
        lambda it: rules(it, "to-nats", "egress").clear(),
    ),
    "no way to the bus for the topology": (
        "connections",
        lambda it: get(it, "NetworkPolicy", "to-nats")["spec"]["podSelector"]["matchExpressions"][
            0
        ]["values"].remove("topology"),
    ),
    "no way from the ingress": (
        "connections",
        lambda it: remove(it, "NetworkPolicy", "edge"),
    ),
}


MISTAKES_IN_DEV: dict[str, tuple[str, Mistake]] = {
    "a debugger that is refused": (
        "confined",
        lambda it: get(it, "Namespace", "ticketing")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "restricted"}
        ),
    ),
    "a probe that throws away what was copied": (
        "probes",
        lambda it: container_of(it, "Deployment", "client").update(
            livenessProbe={"httpGet": {"path": "/healthz", "port": "http"}}
        ),
    ),
    "a service that is not asked": (
        "probes",
        lambda it: container_of(it, "Deployment", "auth").pop("readinessProbe"),
    ),
    "a CPU for one service": (
        "room",
        lambda it: container_of(it, "Deployment", "auth")["resources"]["requests"].update(cpu=1),
    ),
}


INVALID: dict[str, Mistake] = {
    "a misspelt field": lambda it: get(it, "Deployment", "auth")["spec"].update(replica=1),
    "a word for a number": lambda it: get(it, "StatefulSet", "nats")["spec"].update(replicas="x"),
    "a path without its type": lambda it: paths(it)[0].pop("pathType"),
}
