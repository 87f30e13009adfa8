"""Every subject on the bus."""

from enum import StrEnum


class Subject(StrEnum):
    """What an event is about; the wire values are append-only and pinned by a test."""

    TICKET_CREATED = "ticket:created"
    TICKET_UPDATED = "ticket:updated"
    ORDER_CREATED = "order:created"
    ORDER_AWAITING_PAYMENT = "order:awaiting-payment"
    ORDER_COMPLETED = "order:completed"
    ORDER_CANCELLED = "order:cancelled"
    EXPIRATION_COMPLETE = "expiration:complete"
    PAYMENT_CREATED = "payment:created"
    PAYMENT_FAILED = "payment:failed"
