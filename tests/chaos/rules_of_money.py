"""Money: taken once and only for a ticket that was given, and everything else released."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.observations import Observations

from common.mongo import Document

HOLDS_MONEY = {"requires_capture", "requires_action", "processing", "succeeded"}


def _intents_by_order(observed: Observations) -> dict[str, list[Document]]:
    by_order: defaultdict[str, list[Document]] = defaultdict(list)
    for intent in observed.books:
        by_order[intent["orderId"]].append(intent)
    return by_order


def an_order_has_one_intent(observed: Observations) -> Iterator[tuple[str, str]]:
    """However often it was asked for: that is what idempotency keys are for."""
    for order_id, intents in _intents_by_order(observed).items():
        if len(intents) > 1:
            yield order_id, f"has {len(intents)} intents: {intents}"


def money_follows_the_order(observed: Observations) -> Iterator[tuple[str, str]]:
    """Complete: exactly its price is taken. Cancelled: nothing is taken, nothing is held."""
    by_order = _intents_by_order(observed)
    for order_id, order in observed.orders.items():
        intents = by_order.get(order_id, [])
        taken = sum(intent["captured"] - intent["refunded"] for intent in intents)
        holding = [intent for intent in intents if intent["status"] in HOLDS_MONEY]
        if order["status"] == "complete" and (taken, len(holding)) != (
            order["ticket"]["priceCents"],
            1,
        ):
            yield order_id, f"is complete, and its price was not taken once: {intents}"
        if order["status"] == "cancelled" and (taken or holding):
            yield order_id, f"is cancelled, and money was taken or is held: {intents}"


def every_capture_belongs_to_an_order(observed: Observations) -> Iterator[tuple[str, str]]:
    """Whatever Stripe took is known to the payment of an order that exists."""
    for intent in observed.books:
        order_id = intent["orderId"]
        payment = observed.checkouts.get(order_id, {}).get("payment") or {}
        if intent["captured"] and order_id not in observed.orders:
            yield order_id, f"does not exist, and Stripe took money for it: {intent}"
        elif intent["captured"] and payment.get("status") != "captured":
            yield order_id, f"was paid, and its payment says {payment.get('status')}"


def no_payment_stays_open(observed: Observations) -> Iterator[tuple[str, str]]:
    """Nothing is left for the reconciler."""
    for order_id, checkout in observed.checkouts.items():
        payment = checkout["payment"]
        if checkout["dueAt"] is not None or (payment and not payment["closed"]):
            yield order_id, f"has an open payment: {payment}, due {checkout['dueAt']}"


def captured_money_is_complete_orders(observed: Observations) -> Iterator[tuple[str, str]]:
    """What was taken and kept is the price of each complete order, and of nothing else."""
    taken: Counter[str] = Counter()
    for intent in observed.books:
        taken[intent["orderId"]] += intent["captured"] - intent["refunded"]
    prices = Counter(
        {
            order_id: order["ticket"]["priceCents"]
            for order_id, order in observed.orders.items()
            if order["status"] == "complete"
        }
    )
    for order_id in sorted(taken.keys() | prices.keys()):
        if taken[order_id] != prices[order_id]:
            yield order_id, f"paid {taken[order_id]} cents, and owes {prices[order_id]}"
