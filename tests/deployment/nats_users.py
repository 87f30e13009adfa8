"""What each user of infra/nats/nats.conf may do, and what the code says that it has to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deployment.manifests import ROOT

import expiration.handlers
import orders.handlers
import payments.handlers
import tickets.handlers
from common.contracts.requests import ServiceRequest, request_subject
from common.contracts.subjects import Subject
from common.contracts.subscriptions import REPUBLISHING, owner_of, republishers_for, subscribers_of
from common.messaging.consumer import Handlers
from common.messaging.dead_letters import PREFIX
from common.messaging.live_consumers import live_names
from common.messaging.streams import STREAM
from common.messaging.topology import SUBJECTS

NATS_CONF = ROOT / "infra" / "nats" / "nats.conf"
HANDLERS: Mapping[str, Handlers] = {
    "tickets": tickets.handlers.HANDLERS,
    "orders": orders.handlers.HANDLERS,
    "expiration": expiration.handlers.HANDLERS,
    "payments": payments.handlers.HANDLERS,
}
COPIES_OF = {"orders": "tickets", "payments": "orders"}
"""Whose ids clients name at whose HTTP door."""

WATCHED = {"tickets", "orders"}
"""Who shows its own events to people, each replica by a consumer of its own."""

PEOPLE = ("system", "operator")
VARIABLES = {
    **{f"NATS_{user.upper()}_PASSWORD": f"{user}password" for user in [*PEOPLE, *HANDLERS]},
    "NATS_FILE_STORE": "1GB",
}


@dataclass(frozen=True)
class Permissions:
    """The subjects that a user may publish and subscribe to."""

    publish: frozenset[str]
    subscribe: frozenset[str]


def configured(file: Path = NATS_CONF) -> dict[str, Permissions]:
    """The users with permissions, as the file says."""
    users = re.split(r"\buser: ", file.read_text())[1:]
    return {
        each.partition(",")[0]: Permissions(_listed(each, "publish"), _listed(each, "subscribe"))
        for each in users
        if "permissions" in each
    }


def _listed(user: str, what: str) -> frozenset[str]:
    listed = re.search(rf"\b{what}: \[(.*?)\]", user, re.DOTALL)
    return frozenset(re.findall(r'"(.+?)"', listed[1])) if listed else frozenset()


def needed(service: str) -> Permissions:
    """What common/messaging does for a service, and nothing else."""
    events = {each.value for each in Subject if owner_of(each) == service}
    streams = {f"$JS.API.STREAM.INFO.{stream}" for stream in SUBJECTS}
    consumer = {
        f"$JS.API.CONSUMER.INFO.{STREAM}.{service}",
        f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{service}",
        f"$JS.ACK.{STREAM}.{service}.>",
    }
    names = live_names(service) if service in WATCHED else []
    live = {f"$JS.API.CONSUMER.CREATE.{STREAM}.{name}" for name in names}
    asked = {f"ask.{service}.>"} if service in REPUBLISHING else set()
    paced = subscribers_of(service) if service in REPUBLISHING else []
    backlogs = {f"$JS.API.CONSUMER.INFO.{STREAM}.{hearer}" for hearer in paced}
    return Permissions(
        publish=frozenset(
            {*events, f"{PREFIX}{service}", *streams, *consumer, *live, *backlogs, *_asks(service)}
        ),
        subscribe=frozenset({f"_INBOX_{service}.>", *asked}),
    )


def _asks(service: str) -> Iterator[str]:
    for owner in republishers_for(service):
        yield request_subject(ServiceRequest.REPUBLISH, owner)
    if service in COPIES_OF:
        yield request_subject(ServiceRequest.WATERMARK, COPIES_OF[service])


def unlike_the_code(file: Path = NATS_CONF) -> list[str]:
    """Users who may do more or less than their service does."""
    there, wanted = configured(file), {service: needed(service) for service in HANDLERS}
    return [
        f"{user} may {way} {subject}, or has to, not both"
        for user in there.keys() | wanted.keys()
        for way in ("publish", "subscribe")
        for subject in _subjects(there.get(user), way) ^ _subjects(wanted.get(user), way)
    ]


def _subjects(permissions: Permissions | None, way: str) -> frozenset[str]:
    if permissions is None:
        return frozenset()
    return permissions.publish if way == "publish" else permissions.subscribe
