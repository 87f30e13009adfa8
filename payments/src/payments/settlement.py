"""Moves a payment towards its end, one step at a time, always asking Stripe first."""

import logging

from common import clock
from common.errors import Unavailable
from payments.domain import Checkout, UnknownCard
from payments.gateway import StripeGateway, StripeTrouble
from payments.intent import Intent, Step
from payments.payment import Payment, PaymentStatus
from payments.repository import CheckoutRepository
from payments.setback import Trouble

STEPS = 8
"""More than any payment needs; whoever takes more is going in a circle."""

log = logging.getLogger(__name__)


class Settlement:
    """The one road of requests, webhooks and the reconciler.

    It may stop between any two lines: what is stored and what Stripe says are enough to go on.
    """

    def __init__(self, checkouts: CheckoutRepository, gateway: StripeGateway) -> None:
        self._checkouts, self._gateway = checkouts, gateway

    async def settle(self, order_id: str) -> Checkout:
        """Take every step that can be taken now.

        Raises Unavailable, which is on record if the database can be written, and UnknownCard.
        """
        try:
            return await self._go_on(order_id)
        except StripeTrouble as error:
            await self._keep(order_id, error.trouble, error.reason)
            raise
        except Unavailable as error:
            await self._keep(order_id, Trouble.SILENCE, str(error))
            raise

    async def _go_on(self, order_id: str) -> Checkout:
        checkout = await self._checkouts.get(order_id)
        intent = await self._asked(checkout.payment)
        for _ in range(STEPS):
            if intent:
                checkout = await self._store(checkout, intent)
                if checkout.payment and checkout.payment.intent_id != intent.id:
                    intent = await self._asked(checkout.payment)  # another one was stored first
            step = checkout.next_step(intent)
            if step is None or checkout.payment is None:
                return checkout
            if intent and step is Step.WAIT:
                raise StripeTrouble(Trouble.SILENCE, f"the intent is {intent.status}")
            intent = await self._take(step, checkout, checkout.payment)
        raise StripeTrouble(Trouble.REFUSAL, "going in a circle")

    async def _asked(self, payment: Payment | None) -> Intent | None:
        if payment is None or payment.closed or payment.intent_id is None:
            return None
        return await self._gateway.retrieve(payment.intent_id)

    async def _store(self, before: Checkout, intent: Intent) -> Checkout:
        now = clock.now()
        after = await self._checkouts.change(before.id, lambda current: current.heed(intent, now))
        _report(before, after)
        return after

    async def _keep(self, order_id: str, trouble: Trouble, reason: str) -> None:
        now = clock.now()
        checkout = await self._checkouts.change(
            order_id, lambda current: current.set_back(trouble, reason, now)
        )
        setback = checkout.payment and checkout.payment.setback
        level = logging.ERROR if trouble is Trouble.REFUSAL else logging.WARNING
        extra = {"order_id": order_id, "trouble": trouble.value, "reason": reason}
        log.log(level, "payment waits", extra={**extra, "times": setback and setback.times})

    async def _take(self, step: Step, checkout: Checkout, payment: Payment) -> Intent:
        try:
            intent = await self._ask(step, checkout, payment)
        except UnknownCard:
            await self._checkouts.change(checkout.id, lambda current: current.abandon(payment.id))
            raise
        if checkout.next_step(intent) is step:
            raise StripeTrouble(Trouble.REFUSAL, f"{step}: {intent.refusal or 'nothing happened'}")
        return intent

    async def _ask(self, step: Step, checkout: Checkout, payment: Payment) -> Intent:
        key, intent_id = payment.key_for(step), payment.intent_id or ""
        match step:
            case Step.CREATE:
                cents = checkout.order.amount_cents
                return await self._gateway.create(checkout.id, cents, payment.card, key)
            case Step.CONFIRM:
                return await self._gateway.confirm(intent_id, key)
            case Step.CAPTURE:
                return await self._gateway.capture(intent_id, key)
            case Step.REFUND:
                return await self._gateway.refund(intent_id, key)
            case _:
                return await self._gateway.cancel(intent_id, key)


def _report(before: Checkout, after: Checkout) -> None:
    """Tell people of what they will have to explain or to mend."""
    status = after.payment and after.payment.status
    if before.payment and before.payment.status is status:
        return
    if status is PaymentStatus.UNCOLLECTED:
        log.error("a hold was gone before it was taken", extra={"order_id": after.id})
    if status is PaymentStatus.REFUNDED:
        log.error("taken for a cancelled order, and given back", extra={"order_id": after.id})
