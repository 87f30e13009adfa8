"""The payment of one order: its status follows from the status of its PaymentIntent."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from common.contracts.events import Event, PaymentCreated, PaymentFailed
from common.contracts.ids import new_id
from common.contracts.order_status import OrderStatus
from payments.intent import Intent, IntentStatus
from payments.retry import FailureKind, RetryState


class PaymentStatus(StrEnum):
    """The status of a payment."""

    PENDING = "pending"  # started; the result at Stripe is not known yet
    REQUIRES_ACTION = "requires_action"  # the bank asks the buyer to authenticate (3-D Secure)
    AUTHORIZED = "authorized"  # the price is held on the card
    CAPTURED = "captured"  # the price is charged
    DECLINED = "declined"
    VOIDED = "voided"  # nothing was captured; the authorization is released
    REFUNDED = "refunded"  # captured by hand although the order was cancelled, and paid back
    UNCOLLECTED = "uncollected"  # the authorization expired before the capture: needs an operator

    @property
    def is_paid(self) -> bool:
        """Whether the buyer has paid, from the buyer's point of view."""
        return self in {PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED, PaymentStatus.UNCOLLECTED}


STATUS_OF: dict[IntentStatus, PaymentStatus] = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: PaymentStatus.DECLINED,  # a card was declined
    IntentStatus.REQUIRES_CONFIRMATION: PaymentStatus.PENDING,
    IntentStatus.REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
    IntentStatus.PROCESSING: PaymentStatus.PENDING,
    IntentStatus.REQUIRES_CAPTURE: PaymentStatus.AUTHORIZED,
    IntentStatus.SUCCEEDED: PaymentStatus.CAPTURED,
    IntentStatus.CANCELED: PaymentStatus.VOIDED,
    IntentStatus.REFUNDED: PaymentStatus.REFUNDED,
}

_FOLLOWS_PAID = {PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.REFUNDED}


@dataclass(frozen=True)
class Payment:
    """The payment of an order; there is one per order.

    `closed` says that no more operations at Stripe follow, whatever happens.
    """

    id: str
    card: str
    attempt: int = 0
    status: PaymentStatus = PaymentStatus.PENDING
    intent_id: str | None = None
    client_secret: str | None = None
    decline_reason: str | None = None
    closed: bool = False
    retry: RetryState | None = None

    @classmethod
    def new(cls, card: str) -> Self:
        """A payment with a card that was not sent to Stripe yet."""
        return cls(new_id(), card)

    def concerns(self, intent: Intent) -> bool:
        """Whether the intent can change the payment: only the first stored intent counts."""
        return not self.closed and self.intent_id in {None, intent.id}

    def apply_intent(self, intent: Intent, order: OrderStatus) -> Self:
        """The payment after a new state of its intent, given the status of the order."""
        taken = intent.status is IntentStatus.SUCCEEDED and order is OrderStatus.COMPLETE
        closed = taken or intent.status in {IntentStatus.CANCELED, IntentStatus.REFUNDED}
        after = replace(
            self,
            status=self._status_after(intent.status, order),
            intent_id=intent.id,
            client_secret=intent.client_secret or self.client_secret,
            decline_reason=intent.decline_reason or self.decline_reason,
            closed=closed,
        )
        return after if after == self else replace(after, retry=None)

    def _status_after(self, word: IntentStatus, order: OrderStatus) -> PaymentStatus:
        """Answers may arrive late and out of order: a published status is never taken back."""
        status, complete = STATUS_OF.get(word, self.status), order is OrderStatus.COMPLETE
        lost = status in {PaymentStatus.VOIDED, PaymentStatus.REFUNDED}
        awaited = self.status.is_paid and order is not OrderStatus.CANCELLED
        if lost and (complete or awaited):
            return PaymentStatus.UNCOLLECTED
        if self.status is PaymentStatus.DECLINED and not complete:
            return self.status
        if self.status.is_paid and status not in _FOLLOWS_PAID:
            return self.status
        return status

    def finalize(self, order: OrderStatus) -> Self:
        """The order is final, which decides at once on a payment without an authorization."""
        if self.intent_id and self.status is not PaymentStatus.UNCOLLECTED:
            return replace(self, retry=None)
        complete = order is OrderStatus.COMPLETE
        status = PaymentStatus.UNCOLLECTED if complete else PaymentStatus.VOIDED
        return replace(self, status=status, closed=True, retry=None)

    def event_for(self, order_id: str) -> Event | None:
        """The event that the orders service needs for this status, if any."""
        if self.status in {PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION}:
            return None
        if self.status in {PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED}:
            return PaymentCreated(order_id=order_id, id=self.id, stripe_id=self.intent_id or "")
        reason = self.decline_reason or self.status.value
        return PaymentFailed(order_id=order_id, id=self.id, reason=reason)

    def idempotency_key(self, operation: str) -> str:
        """The same key after no answer, a new one after an error (`attempt` is increased)."""
        return f"{self.id}:{operation}:{self.attempt}"

    def record_failure(self, kind: FailureKind, reason: str) -> Self:
        """Count the failure, and use the next idempotency key if Stripe would replay its answer."""
        before = self.retry
        times = before.times + 1 if before and before.kind is kind else 1
        attempt = self.attempt + (kind is not FailureKind.NO_ANSWER)
        return replace(self, attempt=attempt, retry=RetryState(kind, reason, times))
