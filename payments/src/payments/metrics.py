"""Metrics of the payments service: payments by status, failures by kind."""

from common.metrics import counter
from payments.domain import Checkout
from payments.payment import PaymentStatus
from payments.retry import FailureKind

_PAYMENTS = counter("payments", "Payments by the status they reached", "status")
_SETBACKS = counter("payment_setbacks", "Failed operations at Stripe by kind", "trouble")

_payments_by_status = {status: _PAYMENTS.labels(status.value) for status in PaymentStatus}
_failures_by_kind = {kind: _SETBACKS.labels(kind.value) for kind in FailureKind}


def count_change(before: Checkout, after: Checkout) -> None:
    """Count a stored change of a checkout."""
    payment, earlier = after.payment, before.payment
    if payment is None or payment == earlier:
        return
    if earlier is None or payment.status is not earlier.status:
        _payments_by_status[payment.status].inc()
    if payment.retry and (earlier is None or payment.retry != earlier.retry):
        _failures_by_kind[payment.retry.kind].inc()
