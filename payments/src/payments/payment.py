"""The payment of one order, and what Stripe's word on its PaymentIntent makes of it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from common.contracts.ids import new_id


class IntentStatus(StrEnum):
    """Stripe's words: https://docs.stripe.com/payments/paymentintents/lifecycle."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(frozen=True)
class Intent:
    """A PaymentIntent as Stripe last described it."""

    id: str
    status: IntentStatus
    client_secret: str | None = None
    decline_reason: str | None = None


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"  # begun; what Stripe made of it is not known yet
    REQUIRES_ACTION = "requires_action"  # the buyer's bank asks the buyer
    AUTHORIZED = "authorized"  # the price is held
    CAPTURED = "captured"  # the price is taken
    DECLINED = "declined"
    VOIDED = "voided"  # nothing was taken, and what was held is released

    @property
    def is_paid(self) -> bool:
        """Whether the buyer has done his part."""
        return self in {PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED}


STATUS_OF: dict[IntentStatus, PaymentStatus] = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: PaymentStatus.DECLINED,  # a card was tried and refused
    IntentStatus.REQUIRES_CONFIRMATION: PaymentStatus.PENDING,
    IntentStatus.REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
    IntentStatus.PROCESSING: PaymentStatus.PENDING,
    IntentStatus.REQUIRES_CAPTURE: PaymentStatus.AUTHORIZED,
    IntentStatus.SUCCEEDED: PaymentStatus.CAPTURED,
    IntentStatus.CANCELED: PaymentStatus.VOIDED,
}


@dataclass(frozen=True)
class Payment:
    """One attempt to pay; there is one for each order.

    `closed` says that Stripe will do nothing more with the intent, whatever anybody asks.
    """

    id: str
    card: str
    attempt: int = 0
    status: PaymentStatus = PaymentStatus.PENDING
    intent_id: str | None = None
    client_secret: str | None = None
    decline_reason: str | None = None
    closed: bool = False

    @classmethod
    def begin(cls, card: str) -> Self:
        """A payment with a card that Stripe has not seen yet."""
        return cls(new_id(), card)

    def heed(self, intent: Intent) -> Self:
        """The payment after Stripe's word on its intent; the first intent stored is the one."""
        if self.closed or self.intent_id not in {None, intent.id}:
            return self
        status = STATUS_OF[intent.status]
        stays_declined = self.status is PaymentStatus.DECLINED and status is PaymentStatus.VOIDED
        return replace(
            self,
            status=PaymentStatus.DECLINED if stays_declined else status,
            intent_id=intent.id,
            client_secret=intent.client_secret,
            decline_reason=intent.decline_reason or self.decline_reason,
            closed=intent.status in {IntentStatus.SUCCEEDED, IntentStatus.CANCELED},
        )

    def key_for(self, step: str) -> str:
        """The idempotency key: silence is answered with the same one, a failure with a new one."""
        return f"{self.id}:{step}:{self.attempt}"

    def try_anew(self) -> Self:
        """The next key."""
        return replace(self, attempt=self.attempt + 1)

    def drop(self) -> Self:
        """The order is gone before Stripe ever heard of it."""
        return replace(self, status=PaymentStatus.VOIDED, closed=True)
