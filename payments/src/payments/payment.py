"""The payment of one order, and what Stripe's word on its PaymentIntent makes of it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from common.contracts.events import Event, PaymentCreated, PaymentFailed
from common.contracts.ids import new_id
from common.contracts.order_status import OrderStatus
from payments.intent import Intent, IntentStatus
from payments.setback import Setback, Trouble


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"  # begun; what Stripe made of it is not known yet
    REQUIRES_ACTION = "requires_action"  # the buyer's bank asks the buyer
    AUTHORIZED = "authorized"  # the price is held
    CAPTURED = "captured"  # the price is taken
    DECLINED = "declined"
    VOIDED = "voided"  # nothing was taken, and what was held is released
    REFUNDED = "refunded"  # taken by hand although the order was cancelled, and given back
    UNCOLLECTED = "uncollected"  # the hold was gone before the price was taken: ask a person

    @property
    def is_paid(self) -> bool:
        """Whether the buyer has done his part."""
        return self in {PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED, PaymentStatus.UNCOLLECTED}


STATUS_OF: dict[IntentStatus, PaymentStatus] = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: PaymentStatus.DECLINED,  # a card was tried and refused
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
    """One attempt to pay; there is one for each order.

    `closed` says that there is nothing more to ask of Stripe, whatever happens.
    """

    id: str
    card: str
    attempt: int = 0
    status: PaymentStatus = PaymentStatus.PENDING
    intent_id: str | None = None
    client_secret: str | None = None
    decline_reason: str | None = None
    closed: bool = False
    setback: Setback | None = None

    @classmethod
    def begin(cls, card: str) -> Self:
        """A payment with a card that Stripe has not seen yet."""
        return cls(new_id(), card)

    def concerns(self, intent: Intent) -> bool:
        """Whether the intent can change it: the first intent that was stored is the one."""
        return not self.closed and self.intent_id in {None, intent.id}

    def heed(self, intent: Intent, order: OrderStatus) -> Self:
        """The payment after Stripe's word on its intent, while the order has this status."""
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
        return after if after == self else replace(after, setback=None)

    def _status_after(self, word: IntentStatus, order: OrderStatus) -> PaymentStatus:
        """Answers may come late and out of order: nobody takes back what was announced."""
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

    def end_with(self, order: OrderStatus) -> Self:
        """The order is final, which decides at once on a payment without money behind it."""
        if self.intent_id and self.status is not PaymentStatus.UNCOLLECTED:
            return replace(self, setback=None)
        complete = order is OrderStatus.COMPLETE
        status = PaymentStatus.UNCOLLECTED if complete else PaymentStatus.VOIDED
        return replace(self, status=status, closed=True, setback=None)

    def news_for(self, order_id: str) -> Event | None:
        """What the orders service has to know of it."""
        if self.status in {PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION}:
            return None
        if self.status in {PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED}:
            return PaymentCreated(order_id=order_id, id=self.id, stripe_id=self.intent_id or "")
        reason = self.decline_reason or self.status.value
        return PaymentFailed(order_id=order_id, id=self.id, reason=reason)

    def key_for(self, step: str) -> str:
        """The idempotency key: silence is answered with the same one, all else with a new one."""
        return f"{self.id}:{step}:{self.attempt}"

    def set_back(self, trouble: Trouble, reason: str) -> Self:
        """Count it, and take the next key when Stripe would repeat its answer to this one."""
        before = self.setback
        times = before.times + 1 if before and before.trouble is trouble else 1
        attempt = self.attempt + (trouble is not Trouble.SILENCE)
        return replace(self, attempt=attempt, setback=Setback(trouble, reason, times))
