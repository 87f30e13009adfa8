"""Stripe's word on a PaymentIntent, and what to ask of Stripe next."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from typing_extensions import override


class IntentStatus(StrEnum):
    """Stripe's words, and two of ours: https://docs.stripe.com/payments/paymentintents/lifecycle.

    A word that Stripe invents one day reads as `UNHEARD_OF`.
    """

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    REFUNDED = "refunded"  # ours: it had succeeded, and all of it was given back
    UNHEARD_OF = "unheard_of"

    @classmethod
    @override
    def _missing_(cls, value: object) -> Self:
        return cls("unheard_of")


@dataclass(frozen=True)
class Intent:
    """A PaymentIntent as Stripe last described it; `refusal` is why it did not take a step."""

    id: str
    status: IntentStatus
    client_secret: str | None = None
    decline_reason: str | None = None
    refusal: str | None = None


class Step(StrEnum):
    """What to ask of Stripe next."""

    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    WAIT = "wait"  # nothing but whether it has made up its mind, again and ever later


class Aim(StrEnum):
    """What an intent is to end in."""

    HOLD = "hold"  # the order is neither complete nor cancelled: the money is nobody's yet
    TAKE = "take"  # the order is complete
    RELEASE = "release"  # the order is cancelled, or the card declined


_UNDECIDED = {IntentStatus.PROCESSING: Step.WAIT, IntentStatus.UNHEARD_OF: Step.WAIT}

NEXT: dict[Aim, dict[IntentStatus, Step]] = {
    Aim.HOLD: {
        **_UNDECIDED,
        IntentStatus.REQUIRES_CONFIRMATION: Step.CONFIRM,
    },
    Aim.TAKE: {
        **_UNDECIDED,
        IntentStatus.REQUIRES_PAYMENT_METHOD: Step.WAIT,
        IntentStatus.REQUIRES_CONFIRMATION: Step.CONFIRM,
        IntentStatus.REQUIRES_ACTION: Step.WAIT,
        IntentStatus.REQUIRES_CAPTURE: Step.CAPTURE,
    },
    Aim.RELEASE: {
        **_UNDECIDED,
        IntentStatus.REQUIRES_PAYMENT_METHOD: Step.CANCEL,
        IntentStatus.REQUIRES_CONFIRMATION: Step.CANCEL,
        IntentStatus.REQUIRES_ACTION: Step.CANCEL,
        IntentStatus.REQUIRES_CAPTURE: Step.CANCEL,
        IntentStatus.SUCCEEDED: Step.REFUND,
    },
}
"""Where nothing stands, somebody else has to act first: the buyer, or the orders service."""
