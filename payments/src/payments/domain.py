"""The checkout: an order and its payment in one aggregate, so that one write decides on both."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from common.contracts.events import Event, OrderEvent, PaymentCreated, PaymentFailed
from common.contracts.order_status import OrderStatus
from common.errors import InvalidInput, NotFound, PaymentRequired, VersionGap
from payments.order import NotTheBuyer, Order, OrderNotPayable
from payments.payment import Intent, IntentStatus, Payment, PaymentStatus

LEASE = timedelta(seconds=20)
"""How long a request has for its payment before the reconciler takes over."""

LOOK_AGAIN = timedelta(seconds=2)
"""How often to ask whether the buyer has satisfied the bank, should Stripe's message get lost."""

RETRY = timedelta(seconds=1)
"""How soon to try again when Stripe's answer is missing."""


class PaymentNotFound(NotFound):
    """Nobody has tried to pay yet."""


class UnknownCard(InvalidInput):
    """Stripe does not know the token; the order stays payable."""

    message = "Stripe does not know this card token"
    field = "token"


class CardDeclined(PaymentRequired):
    """The bank said no."""

    message = "Your card was declined and the order is cancelled"


class Step(StrEnum):
    """What to ask of Stripe next."""

    CREATE = "create"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Checkout:
    """An order with its payment; `due_at` is when the reconciler looks at it."""

    order: Order
    payment: Payment | None = None
    version: int = 0
    due_at: datetime | None = None
    event: Event | None = field(default=None, compare=False)
    """What announces the change to this version; most changes here say nothing to others."""

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order.id

    def shown_to(self, user_id: str) -> Self:
        """The checkout itself, for the buyer only."""
        if user_id != self.order.user_id:
            raise NotTheBuyer
        return self

    def begin(self, payment: Payment, user_id: str, now: datetime, margin: timedelta) -> Self:
        """Claim the order for this payment; whatever was begun already goes on instead."""
        self.shown_to(user_id)
        if self.payment and self.payment.status.is_paid:
            return self
        self.order.refuse_unless_payable(now, margin)
        if self.payment is None:
            return self._next(payment=payment, due_at=now + LEASE)
        if self.payment.closed or self.payment.status is PaymentStatus.DECLINED:
            raise OrderNotPayable
        return self

    def abandon(self, payment_id: str) -> Self:
        """Forget a payment that Stripe never accepted."""
        if self.payment is None or self.payment.id != payment_id or self.payment.intent_id:
            return self
        return self._next(payment=None, due_at=None)

    def follow(self, event: OrderEvent, now: datetime) -> Self:
        """Apply version v of the order onto v-1; older is ignored, newer raises VersionGap."""
        if event.version <= self.order.version:
            return self
        if event.version > self.order.version + 1:
            raise VersionGap(f"order {event.id} is at version {self.order.version}")
        payment, due_at = self.payment, self.due_at
        if payment and not payment.closed and event.status.is_final:
            due_at = now
            if event.status is OrderStatus.CANCELLED and payment.intent_id is None:
                payment, due_at = payment.drop(), None
        return self._next(order=Order.of(event), payment=payment, due_at=due_at)

    def try_anew(self) -> Self:
        """Stripe answered with a failure, and would repeat that answer to the same key."""
        if self.payment is None or self.payment.closed:
            return self
        return self._next(payment=self.payment.try_anew(), due_at=self.due_at)

    def heed(self, intent: Intent, now: datetime) -> Self:
        """Store what Stripe says, and announce a payment that is held or declined."""
        before = self.payment
        after = before and before.heed(intent)
        if before is None or after is None or after == before:
            return self
        return self._next(
            payment=after, due_at=self._due_after(after, now), event=self._announced(before, after)
        )

    def next_step(self, intent: Intent | None) -> Step | None:
        """What to ask of Stripe, given what it said last; None when others have to act first."""
        if self.payment is None or self.payment.closed:
            return None
        cancelled = self.order.status is OrderStatus.CANCELLED
        match intent and intent.status:
            case None:
                return Step.CREATE
            case IntentStatus.REQUIRES_CONFIRMATION:
                return Step.CANCEL if cancelled else Step.CONFIRM
            case IntentStatus.REQUIRES_PAYMENT_METHOD:
                return Step.CANCEL
            case IntentStatus.REQUIRES_ACTION | IntentStatus.REQUIRES_CAPTURE if cancelled:
                return Step.CANCEL
            case IntentStatus.REQUIRES_CAPTURE if self.order.status is OrderStatus.COMPLETE:
                return Step.CAPTURE
        return None

    def _due_after(self, payment: Payment, now: datetime) -> datetime | None:
        if payment.closed:
            return None
        if payment.status is PaymentStatus.AUTHORIZED and not self.order.status.is_final:
            return None  # the order's next event wakes the reconciler
        return now + (LOOK_AGAIN if payment.status is PaymentStatus.REQUIRES_ACTION else LEASE)

    def _announced(self, before: Payment, after: Payment) -> Event | None:
        live = self.order.status is not OrderStatus.CANCELLED
        if before.status is after.status or not live or before.status.is_paid:
            return None
        if after.status.is_paid:
            return PaymentCreated(order_id=self.id, id=after.id, stripe_id=after.intent_id or "")
        if after.status in {PaymentStatus.DECLINED, PaymentStatus.VOIDED}:
            reason = after.decline_reason or after.status.value
            return PaymentFailed(order_id=self.id, id=after.id, reason=reason)
        return None

    def _next(
        self,
        *,
        order: Order | None = None,
        payment: Payment | None,
        due_at: datetime | None,
        event: Event | None = None,
    ) -> Self:
        return replace(
            self,
            order=order or self.order,
            payment=payment,
            due_at=due_at,
            event=event,
            version=self.version + 1,
        )
