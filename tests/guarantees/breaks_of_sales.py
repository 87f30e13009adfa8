"""What keeps sales right: one holder, one charge, nothing lost, nothing twice, nothing early."""

from tests.guarantees.safeguards import Break

ORDERS = "orders/src/orders/repository.py"
CHECKOUT = "payments/src/payments/domain.py"
INTENT = "payments/src/payments/intent.py"
PAYMENT_FLOW = "payments/src/payments/payment_flow.py"
AGGREGATE_STORE = "common/src/common/aggregate_store.py"
TIMERS = "expiration/src/expiration/repository.py"

UNIQUE_INDEX = Break("the unique index", ORDERS, "unique=True", "unique=False")

COMMITTED_READS = Break(
    "committed reads",
    "common/src/common/mongo.py",
    'readConcernLevel="majority"',
    'readConcernLevel="local"',
)

IDEMPOTENCY_KEY = Break(
    "the idempotency key",
    "payments/src/payments/payment.py",
    'return f"{self.id}:{operation}:{self.attempt}"',
    'return f"{new_id()}:{operation}:{self.attempt}"',
)
ONE_PAYMENT = Break(
    "one payment for each order",
    CHECKOUT,
    "if self.payment is None:\n",
    "if self.payment is None or self.payment.id != payment.id:\n",
)
HELD_FIRST = Break(
    "the hold before the capture",
    INTENT,
    "        IntentStatus.REQUIRES_CONFIRMATION: Operation.CONFIRM,\n    },\n    Goal.CAPTURE: {\n",
    "        IntentStatus.REQUIRES_CONFIRMATION: Operation.CONFIRM,\n"
    "        IntentStatus.REQUIRES_CAPTURE: Operation.CAPTURE,\n    },\n    Goal.CAPTURE: {\n",
)
NO_CAPTURE = Break(
    "no capture for a cancelled order",
    INTENT,
    "IntentStatus.REQUIRES_CAPTURE: Operation.CANCEL",
    "IntentStatus.REQUIRES_CAPTURE: Operation.CAPTURE",
)
RELEASE_OF_MONEY = Break(
    "the release of the money on cancellation",
    INTENT,
    "IntentStatus.REQUIRES_CAPTURE: Operation.CANCEL",
    "IntentStatus.REQUIRES_CAPTURE: Operation.WAIT",
)
RELEASE_OF_TICKET = Break(
    "the release of the ticket on cancellation",
    "tickets/src/tickets/handlers.py",
    "    Subject.ORDER_CANCELLED: on_order_changed,\n",
    "",
)

EVENT_IN_THE_WRITE = Break(
    "the event in the write of its change",
    AGGREGATE_STORE,
    '"$push": {"outbox": entry}',
    '"$push": {"outbox": {"$each": []}}',
)
SWEEP = Break(
    "the outbox sweep",
    "common/src/common/messaging/outbox.py",
    "            self._sweep_now.clear()\n",
    "            await asyncio.sleep(3600)\n",
)

GATE_OF_AGGREGATE = Break(
    "the version gate of an aggregate",
    AGGREGATE_STORE,
    '{"_id": aggregate.id, "version": aggregate.version - 1}',
    '{"_id": aggregate.id}',
)
GATE_OF_TICKETS_COPY = Break(
    "the version gate of a ticket's copy",
    ORDERS,
    '{"_id": event.id, "version": event.version - 1}',
    '{"_id": event.id}',
)
GATE_OF_ORDERS_COPY = Break(
    "the version gate of an order's copy",
    CHECKOUT,
    "        if check is VersionCheck.DUPLICATE:\n            return self\n"
    "        if check is VersionCheck.GAP:\n"
    '            raise VersionGap(f"order {event.id} is at version {self.order.version}")\n',
    "",
)
GATE_OF_TICKETS_ORDERS = Break(
    "the version gate of a ticket's orders",
    "tickets/src/tickets/domain.py",
    "(_is_known(order, known) or not reservation.differs_from(known))",
    "not reservation.differs_from(known)",
)
KNOWN_ALREADY = Break(
    "the memory of what a ticket knows already",
    "tickets/src/tickets/domain.py",
    "(_is_known(order, known) or not reservation.differs_from(known))",
    "reservation.version < known.version",
)

EXPIRY = Break(
    "the cancellation of what has expired",
    "orders/src/orders/handlers.py",
    "    Subject.EXPIRATION_COMPLETE: on_expiration_complete,\n",
    "",
)
NOT_EARLY = Break(
    "the time of a timer, a minute early",
    TIMERS,
    '"fireAt": {"$lte": now}}\n        due',
    '"fireAt": {"$lte": now + timedelta(minutes=1)}}\n        due',
)
WHOLE_WINDOW = Break(
    "the last minute of the window",
    "expiration/src/expiration/handlers.py",
    "event.id, event.expires_at)\n    elif",
    'event.id, event.expires_at - __import__("datetime").timedelta(minutes=1))\n    elif',
)
OWN_WINDOW = Break(
    "the window of the order, instead of a second",
    TIMERS,
    'return {"fireAt": fire_at,',
    'return {"fireAt": clock.now() + timedelta(seconds=1),',
)
LEASE = Break(
    "the timer lease",
    TIMERS,
    '        "$or": [{"leaseUntil": None}, {"leaseUntil": {"$lt": now}}],\n',
    "",
)
END_OF_LEASE = Break(
    "the end of a timer's lease",
    TIMERS,
    '"$or": [{"leaseUntil": None}, {"leaseUntil": {"$lt": now}}],',
    '"leaseUntil": None,',
)

KEPT_SETBACK = Break(
    "the failure in the payment's document",
    PAYMENT_FLOW,
    "            await self._record_failure(order_id, error.kind, error.reason)\n",
    "",
)
TRIED_AGAIN = Break(
    "the retry after a failure",
    CHECKOUT,
    "due_at=self._keep_if_due(now + backoff, now))",
    "due_at=None)",
)
VISIBLE = Break(
    "the error that a person sees",
    PAYMENT_FLOW,
    "level = logging.ERROR if kind is FailureKind.REJECTED else logging.WARNING",
    "level = logging.WARNING",
)
