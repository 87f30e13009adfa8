"""Advances a payment one Stripe operation at a time, always retrieving the intent first."""

import logging

from common import clock
from common.errors import Unavailable
from payments.domain import Checkout, UnknownCard
from payments.gateway import StripeFailure, StripeGateway
from payments.intent import Intent, Operation
from payments.payment import Payment, PaymentStatus
from payments.repository import CheckoutRepository
from payments.retry import FailureKind

MAX_OPERATIONS = 8
"""More than any payment needs; more operations than this are an endless loop."""

log = logging.getLogger(__name__)


class PaymentFlow:
    """Shared by requests and the reconciler (which webhooks schedule).

    A crash between any two lines is safe: the stored payment and the intent suffice to continue.
    """

    def __init__(self, checkouts: CheckoutRepository, gateway: StripeGateway) -> None:
        self._checkouts, self._gateway = checkouts, gateway

    async def advance(self, order_id: str) -> Checkout:
        """Execute every operation that is possible now.

        Raises Unavailable, which is recorded if the database can be written, and UnknownCard.
        """
        try:
            return await self._advance(order_id)
        except StripeFailure as error:
            await self._record_failure(order_id, error.kind, error.reason)
            raise
        except Unavailable as error:
            await self._record_failure(order_id, FailureKind.NO_ANSWER, str(error))
            raise

    async def _advance(self, order_id: str) -> Checkout:
        checkout = await self._checkouts.get(order_id)
        intent = await self._retrieve(checkout.payment)
        for _ in range(MAX_OPERATIONS):
            if intent:
                checkout = await self._apply(checkout, intent)
                if checkout.payment and checkout.payment.intent_id != intent.id:
                    intent = await self._retrieve(
                        checkout.payment
                    )  # a concurrent request stored another intent
            operation = checkout.next_operation(intent)
            if operation is None or checkout.payment is None:
                return checkout
            if intent and operation is Operation.WAIT:
                raise StripeFailure(FailureKind.NO_ANSWER, f"the intent is {intent.status}")
            intent = await self._execute(operation, checkout, checkout.payment)
        raise StripeFailure(FailureKind.REJECTED, "endless loop of operations")

    async def _retrieve(self, payment: Payment | None) -> Intent | None:
        if payment is None or payment.closed or payment.intent_id is None:
            return None
        return await self._gateway.retrieve(payment.intent_id)

    async def _apply(self, before: Checkout, intent: Intent) -> Checkout:
        now = clock.now()
        after = await self._checkouts.update(
            before.id, lambda current: current.apply_intent(intent, now)
        )
        _log_anomaly(before, after)
        return after

    async def _record_failure(self, order_id: str, kind: FailureKind, reason: str) -> None:
        now = clock.now()
        checkout = await self._checkouts.update(
            order_id, lambda current: current.record_failure(kind, reason, now)
        )
        retry = checkout.payment and checkout.payment.retry
        level = logging.ERROR if kind is FailureKind.REJECTED else logging.WARNING
        extra = {"order_id": order_id, "trouble": kind.value, "reason": reason}
        log.log(
            level,
            "payment operation failed, will be retried",
            extra={**extra, "times": retry and retry.times},
        )

    async def _execute(self, operation: Operation, checkout: Checkout, payment: Payment) -> Intent:
        try:
            intent = await self._call(operation, checkout, payment)
        except UnknownCard:
            await self._checkouts.update(checkout.id, lambda current: current.abandon(payment.id))
            raise
        if checkout.next_operation(intent) is operation:
            raise StripeFailure(
                FailureKind.REJECTED, f"{operation}: {intent.refusal or 'nothing happened'}"
            )
        return intent

    async def _call(self, operation: Operation, checkout: Checkout, payment: Payment) -> Intent:
        key, intent_id = payment.idempotency_key(operation), payment.intent_id or ""
        match operation:
            case Operation.CREATE:
                cents = checkout.order.amount_cents
                return await self._gateway.create(checkout.id, cents, payment.card, key)
            case Operation.CONFIRM:
                return await self._gateway.confirm(intent_id, key)
            case Operation.CAPTURE:
                return await self._gateway.capture(intent_id, key)
            case Operation.REFUND:
                return await self._gateway.refund(intent_id, key)
            case _:
                return await self._gateway.cancel(intent_id, key)


def _log_anomaly(before: Checkout, after: Checkout) -> None:
    """Log what an operator has to explain to the buyer or to repair."""
    status = after.payment and after.payment.status
    if before.payment and before.payment.status is status:
        return
    if status is PaymentStatus.UNCOLLECTED:
        log.error("authorization expired before it was captured", extra={"order_id": after.id})
    if status is PaymentStatus.REFUNDED:
        log.error("captured for a cancelled order, and refunded", extra={"order_id": after.id})
