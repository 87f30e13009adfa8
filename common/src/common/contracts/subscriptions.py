"""Which service hears which subjects: what its durable consumer is declared to deliver."""

from collections.abc import Mapping
from types import MappingProxyType

from common.contracts.subjects import Subject

OWNERS: Mapping[str, str] = MappingProxyType(
    {"ticket": "tickets", "order": "orders", "expiration": "expiration", "payment": "payments"}
)
"""By the first word of a subject, which service says it."""

REPUBLISHING = frozenset({"tickets", "orders"})
"""Who says the state of everything again when asked. An open order that is said again has
expiration and payments say again what they know of it."""

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
"""By the name of the service. Declared from here by `python -m common.topology`; a service that
handles a subject which its consumer does not deliver waits until it does."""


def owner_of(subject: Subject) -> str:
    """The service that says it."""
    return OWNERS[subject.partition(":")[0]]


def hearers_of(owner: str) -> list[str]:
    """The services that hear anything of an owner."""
    return sorted(
        service
        for service, heard in SUBSCRIPTIONS.items()
        if any(owner_of(subject) == owner for subject in heard)
    )


def retellers_for(service: str) -> list[str]:
    """Whom to ask for everything that a service may have missed."""
    owners = {owner_of(subject) for subject in SUBSCRIPTIONS.get(service, ())}
    return sorted({owner if owner in REPUBLISHING else "orders" for owner in owners})
