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
from payments.setback import LONGEST_PAUSE, Setback, Trouble

LONGEST_WAIT = max(LONGEST_PAUSE.values()) + LEASE


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
        "setback": payment.setback and _setback_document(payment.setback),
    }


def _setback_document(setback: Setback) -> Document:
    return {
        "trouble": setback.trouble.value,
        "reason": setback.reason,
        "times": setback.times,
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
        setback=_setback(document.get("setback")),
    )


def _setback(document: Document | None) -> Setback | None:
    if document is None:
        return None
    return Setback(Trouble(document["trouble"]), document["reason"], document["times"])


class CheckoutRepository:
    """What the payments service owns."""

    def __init__(self, database: Database) -> None:
        self._checkouts = AggregateStore(
            database, "checkouts", to_document=_to_document, from_document=_from_document
        )
        self.something_due = asyncio.Event()
        """Set when a change has made a payment due: so that nobody has to look all the time."""

    @property
    def outboxes(self) -> Sequence[Collection]:
        """The collections whose documents announce events."""
        return [self._checkouts.collection]

    async def prepare(self) -> None:
        """Make the indexes exist: one for what the reconciler has to look at."""
        await self._checkouts.prepare()
        await self._checkouts.collection.ensure_index(
            [("dueAt", 1)], where={"dueAt": {"$type": "date"}}
        )

    async def add(self, checkout: Checkout) -> bool:
        """Store a new order's checkout, unless it is there; whether it was stored."""
        try:
            await self._checkouts.add(checkout)
        except DuplicateKey:
            return False
        return True

    async def find(self, order_id: str) -> Checkout | None:
        """The order's checkout as far as it is known here."""
        return await self._checkouts.get(order_id)

    async def get(self, order_id: str) -> Checkout:
        """The order's checkout; raises OrderNotFound."""
        if checkout := await self.find(order_id):
            return checkout
        raise OrderNotFound

    async def change(self, order_id: str, decide: Callable[[Checkout], Checkout]) -> Checkout:
        """Store what the domain decides; raises OrderNotFound and whatever it refuses with."""
        decided_on: list[Checkout] = []

        def decide_again(current: Checkout) -> Checkout:
            decided_on[:] = [current]
            return decide(current)

        checkout = await self._checkouts.update(order_id, decide_again)
        if checkout is None:
            raise OrderNotFound
        count_change(decided_on[0], checkout)
        if checkout.due_at and checkout.due_at <= clock.now():
            self.something_due.set()
        return checkout

    async def claim_due(self, now: datetime) -> str | None:
        """An order whose payment needs a look; nobody else gets it until the lease is over.

        So does one whose time lies further ahead than any pause: another clock has set it.
        """
        due = [{"$lte": now}, {"$gt": now + LONGEST_WAIT}]
        claimed = await self._checkouts.collection.find_one_and_update(
            {"$or": [{"dueAt": {"$type": "date", **each}} for each in due]},
            {"$set": {"dueAt": now + LEASE}},
            sort=[("dueAt", 1)],
            fields=["_id"],
        )
        return claimed["_id"] if claimed else None
