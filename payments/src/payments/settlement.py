"""Moves a payment towards its end, one step at a time, always asking Stripe first."""

from datetime import UTC, datetime

from common.errors import Unavailable
from payments.domain import Checkout, Step, UnknownCard
from payments.gateway import Gateway, StripeFailed
from payments.payment import Intent, Payment
from payments.repository import CheckoutRepository

STEPS = 8
"""More than any payment needs; whoever takes more is going in a circle."""


class Settlement:
    """The one road of requests, webhooks and the reconciler.

    It may stop between any two lines: what is stored and what Stripe says are enough to go on.
    """

    def __init__(self, checkouts: CheckoutRepository, gateway: Gateway) -> None:
        self._checkouts, self._gateway = checkouts, gateway

    async def settle(self, order_id: str) -> Checkout:
        """Take every step that can be taken now.

        Raises Unavailable when Stripe's answer is missing, and UnknownCard.
        """
        checkout = await self._checkouts.get(order_id)
        intent = await self._asked(checkout.payment)
        for _ in range(STEPS):
            if intent:
                checkout = await self._store(order_id, intent)
                if checkout.payment and checkout.payment.intent_id != intent.id:
                    intent = await self._asked(checkout.payment)  # another one was stored first
            step = checkout.next_step(intent)
            if step is None or checkout.payment is None:
                return checkout
            intent = await self._take(step, checkout, checkout.payment)
        raise Unavailable(f"the payment of order {order_id} takes too many steps")

    async def _asked(self, payment: Payment | None) -> Intent | None:
        if payment is None or payment.closed or payment.intent_id is None:
            return None
        return await self._gateway.retrieve(payment.intent_id)

    async def _store(self, order_id: str, intent: Intent) -> Checkout:
        now = datetime.now(UTC)
        return await self._checkouts.change(order_id, lambda current: current.heed(intent, now))

    async def _take(self, step: Step, checkout: Checkout, payment: Payment) -> Intent:
        try:
            return await self._ask(step, checkout, payment)
        except StripeFailed:
            await self._checkouts.change(checkout.id, Checkout.try_anew)
            raise
        except UnknownCard:
            await self._checkouts.change(checkout.id, lambda current: current.abandon(payment.id))
            raise

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
            case Step.CANCEL:
                return await self._gateway.cancel(intent_id, key)
