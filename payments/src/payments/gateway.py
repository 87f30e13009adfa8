"""The one home of Stripe: PaymentIntents through the official SDK, in the domain's own words."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Protocol, cast

import stripe
from stripe import PaymentIntent
from stripe.params import PaymentIntentCreateParams

from common.errors import InvalidInput, Unavailable
from payments.domain import UnknownCard
from payments.payment import Intent, IntentStatus

ANSWER_SECONDS = 5


class BadSignature(InvalidInput):
    """It did not come from Stripe."""

    message = "The signature is not Stripe's"


class StripeFailed(Unavailable):
    """Stripe answered, but with a failure: it repeats that answer to the same idempotency key."""


class Gateway(Protocol):
    """What payments need of Stripe.

    Every method raises Unavailable when the outcome is not known: ask again with `retrieve`.
    """

    async def create(self, order_id: str, amount_cents: int, card: str, key: str) -> Intent:
        """An intent to hold the amount, not confirmed yet; raises UnknownCard."""

    async def confirm(self, intent_id: str, key: str) -> Intent:
        """Hold the amount on the card; a card that is declined is told by the intent's status."""

    async def capture(self, intent_id: str, key: str) -> Intent:
        """Take what is held."""

    async def cancel(self, intent_id: str, key: str) -> Intent:
        """Release what is held, and let nothing more happen."""

    async def retrieve(self, intent_id: str) -> Intent:
        """The intent as it is now."""


class StripeGateway:
    """The Gateway that talks to Stripe, or to what stands in for it at another address."""

    def __init__(self, secret_key: str, webhook_secret: str, api_base: str) -> None:
        self._webhook_secret = webhook_secret
        self._http = stripe.HTTPXClient(timeout=ANSWER_SECONDS, allow_sync_methods=False)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            http_client=self._http,
            max_network_retries=1,  # with the same key; the rest is the reconciler's
        )
        self._intents = self._client.v1.payment_intents

    async def create(self, order_id: str, amount_cents: int, card: str, key: str) -> Intent:
        """See Gateway."""
        params = {
            "amount": amount_cents,
            "currency": "usd",
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            "metadata": {"orderId": order_id},
            **_card_params(card),
        }
        try:
            return await self._asked(
                self._intents.create_async(
                    cast(PaymentIntentCreateParams, params), options={"idempotency_key": key}
                )
            )
        except stripe.InvalidRequestError as error:
            unknown = error.code in {"resource_missing", "token_already_used"}
            if unknown or error.http_status == HTTPStatus.NOT_FOUND:
                raise UnknownCard from error
            raise

    async def confirm(self, intent_id: str, key: str) -> Intent:
        """See Gateway."""
        return await self._step(
            intent_id, self._intents.confirm_async(intent_id, options={"idempotency_key": key})
        )

    async def capture(self, intent_id: str, key: str) -> Intent:
        """See Gateway."""
        return await self._step(
            intent_id, self._intents.capture_async(intent_id, options={"idempotency_key": key})
        )

    async def cancel(self, intent_id: str, key: str) -> Intent:
        """See Gateway."""
        return await self._step(
            intent_id, self._intents.cancel_async(intent_id, options={"idempotency_key": key})
        )

    async def retrieve(self, intent_id: str) -> Intent:
        """See Gateway."""
        return await self._asked(self._intents.retrieve_async(intent_id))

    def order_of_webhook(self, body: bytes, signature: str) -> str | None:
        """The order whose intent a webhook is about, if any; raises BadSignature."""
        try:
            event = self._client.construct_event(body, signature, self._webhook_secret)
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise BadSignature from error
        order_id = (event.to_dict()["data"]["object"].get("metadata") or {}).get("orderId")
        return order_id if isinstance(order_id, str) else None

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK forgot

    async def _step(self, intent_id: str, call: Awaitable[PaymentIntent]) -> Intent:
        """A declined card and a step that came too late are told by the intent itself."""
        try:
            return await self._asked(call)
        except (stripe.CardError, stripe.InvalidRequestError):
            return await self.retrieve(intent_id)

    async def _asked(self, call: Awaitable[PaymentIntent]) -> Intent:
        try:
            return _intent(await call)
        except (stripe.CardError, stripe.InvalidRequestError):
            raise
        except stripe.StripeError as error:
            answered = (error.http_status or 0) >= 500
            kind = StripeFailed if answered else Unavailable
            raise kind(f"Stripe: {type(error).__name__}") from error


def _card_params(card: str) -> dict[str, object]:
    """A token is wrapped the documented way, which the SDK's types leave out."""
    if card.startswith("tok_"):
        return {"payment_method_data": {"type": "card", "card": {"token": card}}}
    return {"payment_method": card}


def _intent(intent: PaymentIntent) -> Intent:
    error = intent.to_dict().get("last_payment_error") or {}
    reason = error.get("decline_code") or error.get("code")
    return Intent(
        id=intent.id,
        status=IntentStatus(intent.status),
        client_secret=intent.client_secret,
        decline_reason=reason,
    )
