"""The status of an order, and the transitions of its saga."""

from enum import StrEnum

ORDER_STATUS_VERSION = 1
"""Raised when a status changes its meaning; it is the schema version of every order event."""


class OrderStatus(StrEnum):
    """Where an order stands; the wire values are append-only and pinned by a test."""

    CREATED = "created"  # holds the ticket; the tickets service has not confirmed yet
    AWAITING_PAYMENT = "awaiting:payment"  # reservation confirmed; payable until it expires
    COMPLETE = "complete"  # paid; the ticket is the buyer's for good
    CANCELLED = "cancelled"  # released, for one of the reasons in CancelReason

    def may_become(self, status: "OrderStatus") -> bool:
        """Whether the saga has this transition."""
        return status in SAGA_TRANSITIONS[self]

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow; a later trigger is acknowledged and changes nothing."""
        return not SAGA_TRANSITIONS[self]


class CancelReason(StrEnum):
    """Why an order was cancelled."""

    BUYER = "buyer"
    EXPIRED = "expired"
    PAYMENT_FAILED = "payment_failed"


SAGA_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.CREATED: frozenset(
        {OrderStatus.AWAITING_PAYMENT, OrderStatus.COMPLETE, OrderStatus.CANCELLED}
    ),
    OrderStatus.AWAITING_PAYMENT: frozenset({OrderStatus.COMPLETE, OrderStatus.CANCELLED}),
    OrderStatus.COMPLETE: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}
