"""Which service subscribes to which subjects: what its durable consumer delivers."""

from collections.abc import Mapping
from types import MappingProxyType

from common.contracts.subjects import Subject

OWNERS: Mapping[str, str] = MappingProxyType(
    {"ticket": "tickets", "order": "orders", "expiration": "expiration", "payment": "payments"}
)
"""The service that publishes a subject, by the subject's first word."""

REPUBLISHING = frozenset({"tickets", "orders"})
"""The services that republish their state on request. An open order that is republished makes
expiration and payments publish again what they know of it."""

SUBSCRIPTIONS: Mapping[str, frozenset[Subject]] = MappingProxyType(
    {
        "tickets": frozenset(
            {Subject.ORDER_CREATED, Subject.ORDER_COMPLETED, Subject.ORDER_CANCELLED}
        ),
        "orders": frozenset(
            {
                Subject.TICKET_CREATED,
                Subject.TICKET_UPDATED,
                Subject.EXPIRATION_COMPLETE,
                Subject.PAYMENT_CREATED,
                Subject.PAYMENT_FAILED,
            }
        ),
        "expiration": frozenset(
            {Subject.ORDER_CREATED, Subject.ORDER_COMPLETED, Subject.ORDER_CANCELLED}
        ),
        "payments": frozenset(
            {
                Subject.ORDER_CREATED,
                Subject.ORDER_AWAITING_PAYMENT,
                Subject.ORDER_COMPLETED,
                Subject.ORDER_CANCELLED,
            }
        ),
    }
)
"""By the name of the service; `python -m common.topology` declares consumers from this. A service
whose consumer does not deliver a subject that it handles waits until it does."""


def owner_of(subject: Subject) -> str:
    """The service that publishes it."""
    return OWNERS[subject.partition(":")[0]]


def subscribers_of(owner: str) -> list[str]:
    """The services that subscribe to any subject of an owner."""
    return sorted(
        service
        for service, subjects in SUBSCRIPTIONS.items()
        if any(owner_of(subject) == owner for subject in subjects)
    )


def republishers_for(service: str) -> list[str]:
    """The services to ask for a republish of all that a service may have missed."""
    owners = {owner_of(subject) for subject in SUBSCRIPTIONS.get(service, ())}
    return sorted({owner if owner in REPUBLISHING else "orders" for owner in owners})
