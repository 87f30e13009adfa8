"""The reconciler: advances payments that are due, after a crash, a timeout or a lost webhook."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from common import clock, logs
from common.errors import DomainError, Unavailable
from common.messaging.bus import Bus
from common.tasks import for_each_concurrently
from common.tracing import SpanKind, start_span
from common.waiting import wait_for_event
from payments.gateway import StripeFailure, StripeGateway
from payments.payment_flow import PaymentFlow
from payments.repository import CheckoutRepository

POLL_SECONDS = 0.5
"""How often to poll for payments that became due, or that another replica left behind."""

MAX_CONCURRENT = 8

log = logging.getLogger(__name__)


def reconciler(gateway: StripeGateway) -> Callable[[CheckoutRepository, Bus], Awaitable[None]]:
    """The worker that advances each payment when it is due, several concurrently."""

    async def run(checkouts: CheckoutRepository, _bus: Bus) -> None:
        flow = PaymentFlow(checkouts, gateway)
        await for_each_concurrently(_due(checkouts), partial(_process, flow), MAX_CONCURRENT)

    return run


async def _due(checkouts: CheckoutRepository) -> AsyncIterator[str]:
    while True:
        checkouts.payment_due.clear()
        order_id = await _claim(checkouts)
        if order_id is None:
            await wait_for_event(checkouts.payment_due, POLL_SECONDS)
        else:
            yield order_id


async def _claim(checkouts: CheckoutRepository) -> str | None:
    try:
        return await checkouts.claim_due(clock.now())
    except Unavailable as error:
        log.warning("due payments cannot be claimed", extra={"error": str(error)})
        return None


async def _process(flow: PaymentFlow, order_id: str) -> None:
    """Advance one payment in a span of its own; a failure must not cancel the others."""
    with start_span(SpanKind.INTERNAL, "look at a payment", "") as span:
        logs.context.set({"order_id": order_id, "trace_id": span.trace_id})
        await _advance(order_id, flow)


async def _advance(order_id: str, flow: PaymentFlow) -> None:
    try:
        await flow.advance(order_id)
    except DomainError as refusal:
        log.info("payment rejected by the domain", extra={"refusal": refusal.message})
    except StripeFailure:
        pass  # it is recorded, with the time of the next attempt
    except Unavailable as error:
        log.warning("payment will be retried after its lease", extra={"error": str(error)})
    except Exception:
        log.exception("payment will be retried after its lease")
