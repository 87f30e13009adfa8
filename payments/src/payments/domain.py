"""The checkout aggregate: an order and its payment, so that one write decides on both."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from common.contracts.events import Event, OrderEvent
from common.contracts.order_status import OrderStatus
from common.contracts.versions import VersionCheck, check_version
from common.errors import InvalidInput, NotFound, PaymentRequired, VersionGap
from payments.intent import NEXT, Goal, Intent, Operation
from payments.order import NotTheBuyer, Order, OrderNotPayable
from payments.payment import Payment, PaymentStatus
from payments.retry import FailureKind

LEASE = timedelta(seconds=20)
"""How long a request works on its payment before the reconciler takes over."""

POLL_INTERVAL = timedelta(seconds=2)
"""How often to poll whether 3-D Secure is done, in case the webhook gets lost."""


class PaymentNotFound(NotFound):
    """There is no payment for this order yet."""


class UnknownCard(InvalidInput):
    """Stripe does not accept the card token; the order stays payable."""

    message = "Stripe does not know this card token"
    field = "token"


class CardDeclined(PaymentRequired):
    """The bank declined the card."""

    message = "Your card was declined and the order is cancelled"


@dataclass(frozen=True)
class Checkout:
    """An order with its payment; `due_at` is when the reconciler advances it."""

    order: Order
    payment: Payment | None = None
    version: int = 0
    due_at: datetime | None = None
    event: Event | None = field(default=None, compare=False)
    """The event that announces this version; most changes here are internal."""

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order.id

    @property
    def is_uncollected(self) -> bool:
        """Whether the order is complete although its price could not be captured."""
        uncollected = self.payment and self.payment.status is PaymentStatus.UNCOLLECTED
        return bool(uncollected) and self.order.status is OrderStatus.COMPLETE

    def visible_to(self, user_id: str) -> Self:
        """The checkout itself if the user is the buyer; raises NotTheBuyer."""
        if user_id != self.order.user_id:
            raise NotTheBuyer
        return self

    def start_payment(
        self, payment: Payment, user_id: str, now: datetime, margin: timedelta
    ) -> Self:
        """Start this payment, unless another one was started: that one continues instead."""
        self.visible_to(user_id)
        cancelled = self.order.status is OrderStatus.CANCELLED
        if self.payment and self.payment.status.is_paid and not cancelled:
            return self
        self.order.ensure_payable(now, margin)
        if self.payment is None:
            return self._next_version(payment=payment, due_at=now + LEASE)
        if self.payment.closed or self.payment.status is PaymentStatus.DECLINED:
            raise OrderNotPayable
        return self

    def abandon(self, payment_id: str) -> Self:
        """Remove a payment that Stripe never accepted."""
        if self.payment is None or self.payment.id != payment_id or self.payment.intent_id:
            return self
        return self._next_version(payment=None, due_at=None)

    def apply_order_event(self, event: OrderEvent, now: datetime) -> Self:
        """Apply the next version or a snapshot to the replica; an early version raises VersionGap.

        A snapshot of an open order also publishes the payment's last event again: it may have been
        lost together with what the snapshot repairs.
        """
        check = check_version(event.version, onto=self.order.version, snapshot=event.snapshot)
        if check is VersionCheck.DUPLICATE:
            return self
        if check is VersionCheck.GAP:
            raise VersionGap(f"order {event.id} is at version {self.order.version}")
        order, payment, due_at = Order.of(event), self.payment, self.due_at
        if payment and order.status.is_final:
            payment = payment.finalize(order.status)
            due_at = None if payment.closed else now
        open_snapshot = event.snapshot and not order.status.is_final
        again = payment.event_for(order.id) if payment and open_snapshot else None
        if again is None and (order, payment, due_at) == (self.order, self.payment, self.due_at):
            return self
        return self._next_version(order=order, payment=payment, due_at=due_at, event=again)

    def schedule_now(self, now: datetime) -> Self:
        """A webhook arrived: make the payment due.

        The backoff after a rejected operation is kept: Stripe sends webhooks for those, too, which
        would be an endless loop.
        """
        payment = self.payment
        if payment is None or payment.closed:
            return self
        if payment.retry and payment.retry.kind is FailureKind.REJECTED:
            return self
        return self._next_version(payment=payment, due_at=now)

    def record_failure(self, kind: FailureKind, reason: str, now: datetime) -> Self:
        """Record a failed operation, and schedule the retry with backoff."""
        if self.payment is None or self.payment.closed:
            return self
        payment = self.payment.record_failure(kind, reason)
        backoff = payment.retry.backoff if payment.retry else LEASE
        return self._next_version(payment=payment, due_at=self._keep_if_due(now + backoff, now))

    def apply_intent(self, intent: Intent, now: datetime) -> Self:
        """Apply a new state of the intent; publish the payment if it is authorized or declined."""
        before = self.payment
        if before is None or not before.concerns(intent):
            return self
        after = before.apply_intent(intent, self.order.status)
        operation = self._operation(after, intent)
        if operation is None:
            after = replace(after, retry=None)
        elif after == before:
            return self
        due_at = self._due_after(after, operation, now)
        if (after, due_at) == (before, self.due_at):
            return self
        return self._next_version(
            payment=after, due_at=due_at, event=self._event_between(before, after)
        )

    def next_operation(self, intent: Intent | None) -> Operation | None:
        """The next operation, given the state of the intent; None when others have to act first."""
        return self._operation(self.payment, intent)

    def _operation(self, payment: Payment | None, intent: Intent | None) -> Operation | None:
        if payment is None or payment.closed:
            return None
        if intent is None:
            return Operation.CREATE
        status, goal = self.order.status, Goal.HOLD
        if status is OrderStatus.CANCELLED or payment.status is PaymentStatus.DECLINED:
            goal = Goal.RELEASE
        elif status is OrderStatus.COMPLETE:
            goal = Goal.CAPTURE
        return NEXT[goal].get(intent.status)

    def _event_between(self, before: Payment, after: Payment) -> Event | None:
        """The event of a change of status, as long as the order is open."""
        published, current = before.event_for(self.id), after.event_for(self.id)
        return None if self.order.status.is_final or type(current) is type(published) else current

    def _due_after(
        self, payment: Payment, operation: Operation | None, now: datetime
    ) -> datetime | None:
        if payment.closed:
            return None
        if operation:
            return self._keep_if_due(now + LEASE, now)
        if payment.status.is_paid:  # the order's next event schedules the next operation
            return self._keep_if_due(None, now)
        return self._keep_if_due(now + POLL_INTERVAL, now)

    def _keep_if_due(self, due_at: datetime | None, now: datetime) -> datetime | None:
        """A payment that became due in the meantime is not postponed."""
        return self.due_at if self.due_at and self.due_at <= now else due_at

    def _next_version(
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
