"""HTTP routes of the payments service."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from common import clock, logs
from common.contracts.order_status import OrderStatus
from common.errors import Unavailable
from common.web.bodies import JsonRoute
from common.web.dependencies import CurrentUser, Replicated, repository, settings
from common.web.error_responses import errors
from payments.domain import CardDeclined, Checkout
from payments.gateway import StripeGateway
from payments.order import OrderNotFound, OrderNotPayable
from payments.payment import Payment, PaymentStatus
from payments.payment_flow import PaymentFlow
from payments.repository import CheckoutRepository
from payments.schemas import BrowserConfig, Pay, PaymentOut, Received
from payments.settings import Settings

router = APIRouter(prefix="/api/payments", tags=["payments"], route_class=JsonRoute)


async def _gateway(request: Request) -> StripeGateway:
    gateway: StripeGateway = request.app.state.gateway
    return gateway


Checkouts = Annotated[CheckoutRepository, Depends(repository)]
Gateway = Annotated[StripeGateway, Depends(_gateway)]
Configured = Annotated[Settings, Depends(settings)]


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        200: {"model": PaymentOut, "description": "Already paid: the same payment"},
        202: {"model": PaymentOut, "description": "The bank asks the buyer, or is still silent"},
        **errors(400, 401, 402, 403, 404, 409, 415),
    },
)
async def pay(  # noqa: PLR0913 - what a request is answered with
    body: Pay,
    user: CurrentUser,
    checkouts: Checkouts,
    gateway: Gateway,
    settings: Configured,
    replicated: Replicated,
    response: Response,
) -> PaymentOut:
    """Authorize the price on the card; it is captured when the order is complete."""
    if await replicated.find(checkouts.find, body.order_id) is None:
        raise OrderNotFound
    logs.bind(order_id=body.order_id)
    payment, now = Payment.new(body.token), clock.now()
    checkout = await checkouts.update(
        body.order_id,
        lambda current: current.start_payment(payment, user.id, now, settings.payment_margin),
    )
    checkout = await _advanced(checkout, payment, checkouts, gateway)
    response.status_code = _status(checkout, payment)
    return PaymentOut.of(checkout)


async def _advanced(
    checkout: Checkout, payment: Payment, checkouts: CheckoutRepository, gateway: StripeGateway
) -> Checkout:
    """Advance the payment that this request started, or one that waits for 3-D Secure."""
    current = checkout.payment
    ours = current is not None and current.id == payment.id
    asks = current is not None and current.status is PaymentStatus.REQUIRES_ACTION
    if not ours and not asks:
        return checkout
    try:
        return await PaymentFlow(checkouts, gateway).advance(checkout.id)
    except Unavailable:  # the reconciler retries
        return await checkouts.get(checkout.id)


def _status(checkout: Checkout, payment: Payment) -> int:
    """The HTTP status; raises CardDeclined or OrderNotPayable."""
    current = checkout.payment
    if current and current.status is PaymentStatus.DECLINED:
        raise CardDeclined
    if current is None or checkout.order.status is OrderStatus.CANCELLED:
        raise OrderNotPayable
    if current.status.is_paid:
        return 201 if current.id == payment.id else 200
    if current.closed:
        raise OrderNotPayable
    return 202


@router.get("/config", responses=errors())
async def show_config(settings: Configured) -> BrowserConfig:
    """What a browser needs to load Stripe.js."""
    return BrowserConfig(
        publishable_key=settings.stripe_publishable_key, stripe_js=settings.stripe_js
    )


@router.get("/{order_id}", response_model_exclude_none=True, responses=errors(401, 403, 404))
async def show_payment(order_id: str, user: CurrentUser, checkouts: Checkouts) -> PaymentOut:
    """The payment of one of the caller's orders."""
    checkout = await checkouts.get(order_id)
    return PaymentOut.of(checkout.visible_to(user.id))


@router.post("/webhook", responses=errors(400))
async def receive_webhook(
    request: Request,
    checkouts: Checkouts,
    gateway: Gateway,
    stripe_signature: Annotated[str, Header()] = "",
) -> Received:
    """Schedule the payment; the content of a webhook is not trusted but retrieved from Stripe."""
    order_id = gateway.order_id_of_webhook(await request.body(), stripe_signature)
    if order_id:
        now = clock.now()
        with suppress(OrderNotFound):  # it belongs to another system that shares the Stripe account
            await checkouts.update(order_id, lambda checkout: checkout.schedule_now(now))
    return Received()
