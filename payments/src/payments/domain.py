"""The checkout: an order and its payment in one aggregate, so that one write decides on both."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from common.contracts.events import Event, OrderEvent
from common.contracts.order_status import OrderStatus
from common.contracts.versions import Fit, fit
from common.errors import InvalidInput, NotFound, PaymentRequired, VersionGap
from payments.intent import NEXT, Aim, Intent, Step
from payments.order import NotTheBuyer, Order, OrderNotPayable
from payments.payment import Payment, PaymentStatus
from payments.setback import Trouble

LEASE = timedelta(seconds=20)
"""How long a request has for its payment before the reconciler takes over."""

LOOK_AGAIN = timedelta(seconds=2)
"""How often to ask whether the buyer has satisfied the bank, should Stripe's message get lost."""


class PaymentNotFound(NotFound):
    """Nobody has tried to pay yet."""


class UnknownCard(InvalidInput):
    """Stripe knows no such card, or will not even try it; the order stays payable."""

    message = "Stripe does not know this card token"
    field = "token"


class CardDeclined(PaymentRequired):
    """The bank said no."""

    message = "Your card was declined and the order is cancelled"


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

    @property
    def lacks_its_price(self) -> bool:
        """Whether the ticket is the buyer's without the money being the seller's."""
        uncollected = self.payment and self.payment.status is PaymentStatus.UNCOLLECTED
        return bool(uncollected) and self.order.status is OrderStatus.COMPLETE

    def visible_to(self, user_id: str) -> Self:
        """The checkout itself, for the buyer only."""
        if user_id != self.order.user_id:
            raise NotTheBuyer
        return self

    def begin(self, payment: Payment, user_id: str, now: datetime, margin: timedelta) -> Self:
        """Claim the order for this payment; whatever was begun already goes on instead."""
        self.visible_to(user_id)
        cancelled = self.order.status is OrderStatus.CANCELLED
        if self.payment and self.payment.status.is_paid and not cancelled:
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
        """Apply what fits (`common.contracts.versions`); what is early raises VersionGap.

        A snapshot has the payment's own news told again, too: they may have been lost together with
        what the snapshot repairs.
        """
        fits = fit(event.version, onto=self.order.version, snapshot=event.snapshot)
        if fits is Fit.KNOWN:
            return self
        if fits is Fit.EARLY:
            raise VersionGap(f"order {event.id} is at version {self.order.version}")
        order, payment, due_at = Order.of(event), self.payment, self.due_at
        if payment and order.status.is_final:
            payment = payment.end_with(order.status)
            due_at = None if payment.closed else now
        open_snapshot = event.snapshot and not order.status.is_final
        again = payment.news_for(order.id) if payment and open_snapshot else None
        if again is None and (order, payment, due_at) == (self.order, self.payment, self.due_at):
            return self
        return self._next(order=order, payment=payment, due_at=due_at, event=again)

    def wake(self, now: datetime) -> Self:
        """Something happened at Stripe: look soon.

        After a refusal the pause is kept: Stripe tells of refusals too, which would make a circle.
        """
        payment = self.payment
        if payment is None or payment.closed:
            return self
        if payment.setback and payment.setback.trouble is Trouble.REFUSAL:
            return self
        return self._next(payment=payment, due_at=now)

    def set_back(self, trouble: Trouble, reason: str, now: datetime) -> Self:
        """Keep what went wrong, and look again after a pause."""
        if self.payment is None or self.payment.closed:
            return self
        payment = self.payment.set_back(trouble, reason)
        pause = payment.setback.pause if payment.setback else LEASE
        return self._next(payment=payment, due_at=self._unless_asked(now + pause, now))

    def heed(self, intent: Intent, now: datetime) -> Self:
        """Store what Stripe says, and announce a payment that is held or declined."""
        before = self.payment
        if before is None or not before.concerns(intent):
            return self
        after = before.heed(intent, self.order.status)
        step = self._step(after, intent)
        if step is None:
            after = replace(after, setback=None)
        elif after == before:
            return self
        due_at = self._due_after(after, step, now)
        if (after, due_at) == (before, self.due_at):
            return self
        return self._next(payment=after, due_at=due_at, event=self._announced(before, after))

    def next_step(self, intent: Intent | None) -> Step | None:
        """What to ask of Stripe, given what it said last; None when others have to act first."""
        return self._step(self.payment, intent)

    def _step(self, payment: Payment | None, intent: Intent | None) -> Step | None:
        if payment is None or payment.closed:
            return None
        if intent is None:
            return Step.CREATE
        status, aim = self.order.status, Aim.HOLD
        if status is OrderStatus.CANCELLED or payment.status is PaymentStatus.DECLINED:
            aim = Aim.RELEASE
        elif status is OrderStatus.COMPLETE:
            aim = Aim.TAKE
        return NEXT[aim].get(intent.status)

    def _announced(self, before: Payment, after: Payment) -> Event | None:
        """News, as long as the orders service may act on them."""
        said, says = before.news_for(self.id), after.news_for(self.id)
        return None if self.order.status.is_final or type(says) is type(said) else says

    def _due_after(self, payment: Payment, step: Step | None, now: datetime) -> datetime | None:
        if payment.closed:
            return None
        if step:
            return self._unless_asked(now + LEASE, now)
        if payment.status.is_paid:  # the order's next event wakes the reconciler
            return self._unless_asked(None, now)
        return self._unless_asked(now + LOOK_AGAIN, now)

    def _unless_asked(self, due_at: datetime | None, now: datetime) -> datetime | None:
        """A look that was asked for since the last one began is not put off."""
        return self.due_at if self.due_at and self.due_at <= now else due_at

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
