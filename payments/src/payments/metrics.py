"""What the payments service counts: what payments come to, and what holds them up."""

from common.metrics import counter
from payments.domain import Checkout
from payments.payment import PaymentStatus
from payments.setback import Trouble

_PAYMENTS = counter("payments", "Payments that came to a status", "status")
_SETBACKS = counter("payment_setbacks", "Steps of payments that did not succeed", "trouble")

_came_to = {status: _PAYMENTS.labels(status.value) for status in PaymentStatus}
_set_back = {trouble: _SETBACKS.labels(trouble.value) for trouble in Trouble}


def count_change(before: Checkout, after: Checkout) -> None:
    """A change of a checkout was stored."""
    payment, earlier = after.payment, before.payment
    if payment is None or payment == earlier:
        return
    if earlier is None or payment.status is not earlier.status:
        _came_to[payment.status].inc()
    if payment.setback and (earlier is None or payment.setback != earlier.setback):
        _set_back[payment.setback.trouble].inc()
