"""The one definition of a ticket's status."""

from enum import StrEnum


class TicketStatus(StrEnum):
    """Where a ticket stands; the wire values are append-only and pinned by a test."""

    FREE = "free"  # nobody holds it
    HELD = "held"  # an order holds it that is not paid yet
    SOLD = "sold"  # it is paid, for good
