"""Which service hears which subjects: what its durable consumer is declared to deliver."""

from collections.abc import Mapping
from types import MappingProxyType

from common.contracts.subjects import Subject

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
