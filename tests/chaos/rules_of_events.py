"""Events: every version announced once and in order, heard by all, applied exactly once."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.observations import Observations

# Which field of which collection counts the versions that were stored or applied.
VERSIONS = {
    ("tickets.tickets", "version"),
    ("orders.orders", "version"),
    ("orders.tickets", "version"),
    ("payments.checkouts", "version"),
    ("payments.checkouts", "order.version"),
}


COPIES = {"orders.tickets", "payments.checkouts"}
"""Where versions of others' aggregates are kept: a snapshot may skip some."""


def the_stream_is_complete_and_ordered(observed: Observations) -> Iterator[tuple[str, str]]:
    """For every ticket and order the versions 0 to n, first copies in order, n as stored.

    What was deleted with a stream is not missed. But what is told of something after that reaches
    to its last version.
    """
    told: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for message in observed.messages:
        if message.version is not None:
            told[message.entity].setdefault(message.version)
    for entity, versions in told.items():
        if observed.is_whole and list(versions) != list(range(len(versions))):
            yield entity, f"first told its versions as {list(versions)}"
    for entity, document in [*observed.tickets.items(), *observed.orders.items()]:
        if entity not in told and not observed.is_whole:
            continue
        if max(told[entity], default=None) != document["version"]:
            yield entity, f"is at version {document['version']}, told were {list(told[entity])}"


def everything_was_consumed(observed: Observations) -> Iterator[tuple[str, str]]:
    """No outbox holds anything, no service has anything left to hear, and nothing is dead."""
    for documents in (observed.tickets, observed.orders, observed.checkouts):
        for entity, document in documents.items():
            if document.get("outbox") or "outboxSince" in document:
                yield entity, f"has not announced {document.get('outbox')}"
    for service, backlog in observed.backlogs.items():
        if backlog is None or not backlog.is_empty:
            yield service, f"has not heard everything: {backlog}"
    for letter in observed.dead_letters:
        yield letter, "is a dead letter"


def replicas_are_consistent(observed: Observations) -> Iterator[tuple[str, str]]:
    """Every replica is what its owner has."""
    for ticket_id, ticket in observed.tickets.items():
        copy = observed.copies.get(ticket_id, {})
        if any(copy.get(name) != ticket[name] for name in ("version", "title", "priceCents")):
            yield ticket_id, f"is copied as {copy} by orders"
    for order_id, order in observed.orders.items():
        copy = observed.checkouts.get(order_id, {}).get("order", {})
        owned = {name: order[name] for name in ("version", "status", "userId", "expiresAt")}
        if copy != owned | {"amountCents": order["ticket"]["priceCents"]}:
            yield order_id, f"is copied as {copy} by payments"
    for order_id, order in observed.orders.items():
        claim = observed.tickets.get(order["ticket"]["id"], {}).get("orders", {}).get(order_id, {})
        facts = (order["holdsTicket"], order["status"] == "complete")
        if (claim.get("live"), claim.get("paid")) != facts:
            yield order_id, f"is noted as {claim} by its ticket"


def each_version_is_applied_once(observed: Observations) -> Iterator[tuple[str, str]]:
    """Every document went through its versions one by one, none twice: the database's own word."""
    for place, field in sorted(VERSIONS):
        applied: defaultdict[str, list[object]] = defaultdict(list)
        for write in observed.writes_to(place):
            version, past = write.get(field), applied[write.entity]
            if version is not None and (field == "version" or version not in past[-1:]):
                past.append(version)
        for entity, versions in applied.items():
            if not _one_by_one(versions, may_skip=not observed.is_whole and place in COPIES):
                yield entity, f"{field} in {place} went through {versions}"


def _one_by_one(versions: list[object], *, may_skip: bool) -> bool:
    """From 0 on; a copy that had to be made good may skip some, and begin anywhere."""
    numbers = [number for number in versions if isinstance(number, int)]
    whole = list(range(len(versions)))
    return numbers == (sorted(set(numbers)) if may_skip else whole) and numbers == versions
