"""The PaymentIntent of Stripe, and the state machine that chooses the next operation."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from typing_extensions import override


class IntentStatus(StrEnum):
    """Stripe's statuses, and two of ours: https://docs.stripe.com/payments/paymentintents/lifecycle.

    A status that Stripe adds one day reads as `UNKNOWN`.
    """

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    REFUNDED = "refunded"  # ours: it had succeeded, and was refunded in full
    UNKNOWN = "unheard_of"

    @classmethod
    @override
    def _missing_(cls, value: object) -> Self:
        return cls("unheard_of")


@dataclass(frozen=True)
class Intent:
    """The last known state of a PaymentIntent; `refusal` is why Stripe rejected an operation."""

    id: str
    status: IntentStatus
    client_secret: str | None = None
    decline_reason: str | None = None
    refusal: str | None = None


class Operation(StrEnum):
    """The next operation at Stripe."""

    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    WAIT = "wait"  # only retrieve it again, with growing backoff


class Goal(StrEnum):
    """The state to which the intent has to be brought."""

    HOLD = "hold"  # the order is open: authorize, and do not capture yet
    CAPTURE = "take"  # the order is complete
    RELEASE = "release"  # the order is cancelled, or the card declined


_UNSETTLED = {IntentStatus.PROCESSING: Operation.WAIT, IntentStatus.UNKNOWN: Operation.WAIT}

NEXT: dict[Goal, dict[IntentStatus, Operation]] = {
    Goal.HOLD: {
        **_UNSETTLED,
        IntentStatus.REQUIRES_CONFIRMATION: Operation.CONFIRM,
    },
    Goal.CAPTURE: {
        **_UNSETTLED,
        IntentStatus.REQUIRES_PAYMENT_METHOD: Operation.WAIT,
        IntentStatus.REQUIRES_CONFIRMATION: Operation.CONFIRM,
        IntentStatus.REQUIRES_ACTION: Operation.WAIT,
        IntentStatus.REQUIRES_CAPTURE: Operation.CAPTURE,
    },
    Goal.RELEASE: {
        **_UNSETTLED,
        IntentStatus.REQUIRES_PAYMENT_METHOD: Operation.CANCEL,
        IntentStatus.REQUIRES_CONFIRMATION: Operation.CANCEL,
        IntentStatus.REQUIRES_ACTION: Operation.CANCEL,
        IntentStatus.REQUIRES_CAPTURE: Operation.CANCEL,
        IntentStatus.SUCCEEDED: Operation.REFUND,
    },
}
"""Without an entry, somebody else has to act first: the buyer, or the orders service."""
