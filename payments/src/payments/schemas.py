"""Request and response bodies."""

from typing import Annotated, Self

from pydantic import StringConstraints

from common.contracts.events import WireModel
from common.contracts.ids import Id
from common.contracts.money import Dollars, Price
from common.web.bodies import ErrorMessage, RequestBody
from payments.domain import Checkout, PaymentNotFound
from payments.payment import PaymentStatus

Token = Annotated[str, StringConstraints(pattern=r"^(pm|tok)_[A-Za-z0-9_]{1,200}$")]


class Pay(RequestBody):
    """The request to pay an order with a Stripe PaymentMethod (`pm_`) or card token (`tok_`)."""

    token: Annotated[Token, ErrorMessage("Token must be a Stripe payment method or card token")]
    order_id: Annotated[Id, ErrorMessage("OrderId must be provided")]


class PaymentOut(WireModel):
    """The buyer's view of a payment; `clientSecret` is present while 3-D Secure is required."""

    id: Id
    order_id: Id
    status: PaymentStatus
    price: Dollars
    client_secret: str | None = None

    @classmethod
    def of(cls, checkout: Checkout) -> Self:
        """The buyer's view; raises PaymentNotFound when there is none yet."""
        payment = checkout.payment
        if payment is None:
            raise PaymentNotFound
        status = payment.status
        if status is PaymentStatus.UNCOLLECTED:
            status = PaymentStatus.AUTHORIZED  # the rest is between the seller and Stripe
        asks = status is PaymentStatus.REQUIRES_ACTION
        return cls(
            id=payment.id,
            order_id=checkout.id,
            status=status,
            price=Price(checkout.order.amount_cents),
            client_secret=payment.client_secret if asks else None,
        )


class BrowserConfig(WireModel):
    """What a browser needs to take a card: whose Stripe account it is for, and Stripe's script."""

    publishable_key: str
    stripe_js: str


class Received(WireModel):
    """The answer to a webhook."""

    received: bool = True
