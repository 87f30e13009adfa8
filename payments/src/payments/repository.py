"""Checkouts in MongoDB: the replica of an order and its payment in one document."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from common import clock
from common.aggregate_store import AggregateStore
from common.contracts.order_status import OrderStatus
from common.mongo import Collection, Database, Document, DuplicateKey
from payments.domain import LEASE, Checkout
from payments.metrics import count_change
from payments.order import Order, OrderNotFound
from payments.payment import Payment, PaymentStatus
from payments.retry import MAX_BACKOFF, FailureKind, RetryState

MAX_WAIT = max(MAX_BACKOFF.values()) + LEASE


def _to_document(checkout: Checkout) -> Document:
    order = checkout.order
    return {
        "order": {
            "version": order.version,
            "status": order.status.value,
            "userId": order.user_id,
            "amountCents": order.amount_cents,
            "expiresAt": order.expires_at,
        },
        "payment": checkout.payment and _payment_document(checkout.payment),
        "dueAt": checkout.due_at,
    }


def _payment_document(payment: Payment) -> Document:
    return {
        "id": payment.id,
        "card": payment.card,
        "attempt": payment.attempt,
        "status": payment.status.value,
        "intentId": payment.intent_id,
        "clientSecret": payment.client_secret,
        "declineReason": payment.decline_reason,
        "closed": payment.closed,
        "setback": payment.retry and _retry_document(payment.retry),
    }


def _retry_document(retry: RetryState) -> Document:
    return {
        "trouble": retry.kind.value,
        "reason": retry.reason,
        "times": retry.times,
    }


def _from_document(document: Document) -> Checkout:
    order = document["order"]
    return Checkout(
        order=Order(
            id=document["_id"],
            version=order["version"],
            status=OrderStatus(order["status"]),
            user_id=order["userId"],
            amount_cents=order["amountCents"],
            expires_at=order["expiresAt"],
        ),
        payment=_payment(document["payment"]) if document["payment"] else None,
        version=document["version"],
        due_at=document["dueAt"],
    )


def _payment(document: Document) -> Payment:
    return Payment(
        id=document["id"],
        card=document["card"],
        attempt=document["attempt"],
        status=PaymentStatus(document["status"]),
        intent_id=document["intentId"],
        client_secret=document["clientSecret"],
        decline_reason=document["declineReason"],
        closed=document["closed"],
        retry=_retry_state(document.get("setback")),
    )


def _retry_state(document: Document | None) -> RetryState | None:
    if document is None:
        return None
    return RetryState(FailureKind(document["trouble"]), document["reason"], document["times"])


class CheckoutRepository:
    """What the payments service owns."""

    def __init__(self, database: Database) -> None:
        self._checkouts = AggregateStore(
            database, "checkouts", to_document=_to_document, from_document=_from_document
        )
        self.payment_due = asyncio.Event()
        """Set when a change makes a payment due, so that the reconciler need not poll for it."""

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self._checkouts.collection]

    async def prepare(self) -> None:
        """Create the indexes: one for due payments."""
        await self._checkouts.prepare()
        await self._checkouts.collection.ensure_index(
            [("dueAt", 1)], where={"dueAt": {"$type": "date"}}
        )

    async def add(self, checkout: Checkout) -> bool:
        """Store the checkout of a new order; returns whether it was new."""
        try:
            await self._checkouts.add(checkout)
        except DuplicateKey:
            return False
        return True

    async def find(self, order_id: str) -> Checkout | None:
        """The checkout of the order; None if no event of the order has been applied."""
        return await self._checkouts.get(order_id)

    async def get(self, order_id: str) -> Checkout:
        """The order's checkout; raises OrderNotFound."""
        if checkout := await self.find(order_id):
            return checkout
        raise OrderNotFound

    async def update(self, order_id: str, decide: Callable[[Checkout], Checkout]) -> Checkout:
        """Store what the domain decides; raises OrderNotFound and whatever it refuses with."""
        before: list[Checkout] = []

        def decide_and_keep(current: Checkout) -> Checkout:
            before[:] = [current]
            return decide(current)

        checkout = await self._checkouts.update(order_id, decide_and_keep)
        if checkout is None:
            raise OrderNotFound
        count_change(before[0], checkout)
        if checkout.due_at and checkout.due_at <= clock.now():
            self.payment_due.set()
        return checkout

    async def claim_due(self, now: datetime) -> str | None:
        """Lease an order whose payment is due; nobody else gets it until the lease ends.

        A due time further ahead than any backoff counts as due: a wrong clock has set it.
        """
        due = [{"$lte": now}, {"$gt": now + MAX_WAIT}]
        claimed = await self._checkouts.collection.find_one_and_update(
            {"$or": [{"dueAt": {"$type": "date", **each}} for each in due]},
            {"$set": {"dueAt": now + LEASE}},
            sort=[("dueAt", 1)],
            fields=["_id"],
        )
        return claimed["_id"] if claimed else None
