"""Finishes what a crash, a timeout or a lost webhook left open, and captures and releases."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from common import clock, logs
from common.errors import Refusal, Unavailable
from common.messaging.bus import Bus
from common.tasks import for_each_concurrently
from common.tracing import SpanKind, start_span
from common.waiting import wait_for_event
from payments.gateway import StripeGateway, StripeTrouble
from payments.repository import CheckoutRepository
from payments.settlement import Settlement

LOOK_SECONDS = 0.5
"""How often to look for what became due meanwhile, or what another replica left behind."""

AT_ONCE = 8

log = logging.getLogger(__name__)


def reconciler(gateway: StripeGateway) -> Callable[[CheckoutRepository, Bus], Awaitable[None]]:
    """The worker that looks at each payment when it is due, at several side by side."""

    async def run(checkouts: CheckoutRepository, _bus: Bus) -> None:
        settlement = Settlement(checkouts, gateway)
        await for_each_concurrently(_due(checkouts), partial(_look, settlement), AT_ONCE)

    return run


async def _due(checkouts: CheckoutRepository) -> AsyncIterator[str]:
    while True:
        checkouts.something_due.clear()
        order_id = await _claim(checkouts)
        if order_id is None:
            await wait_for_event(checkouts.something_due, LOOK_SECONDS)
        else:
            yield order_id


async def _claim(checkouts: CheckoutRepository) -> str | None:
    try:
        return await checkouts.claim_due(clock.now())
    except Unavailable as error:
        log.warning("payments wait", extra={"error": str(error)})
        return None


async def _look(settlement: Settlement, order_id: str) -> None:
    """One look; what goes wrong here must not end the others, and is looked at again."""
    with start_span(SpanKind.INTERNAL, "look at a payment", "") as work:
        logs.context.set({"order_id": order_id, "trace_id": work.trace_id})
        await _settle(order_id, settlement)


async def _settle(order_id: str, settlement: Settlement) -> None:
    try:
        await settlement.settle(order_id)
    except Refusal as refusal:
        log.info("payment refused", extra={"refusal": refusal.text})
    except StripeTrouble:
        pass  # it is on record, with the time of the next look
    except Unavailable as error:
        log.warning("payment waits for its lease to end", extra={"error": str(error)})
    except Exception:
        log.exception("payment waits for its lease to end")
