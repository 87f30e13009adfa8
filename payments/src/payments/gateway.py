"""The one home of Stripe: PaymentIntents through the official SDK, in the domain's own words."""

import logging
from collections.abc import Awaitable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar, cast

import stripe
from stripe import PaymentIntent

from common.errors import InvalidInput, Unavailable
from payments.domain import UnknownCard
from payments.intent import Intent, IntentStatus
from payments.setback import Trouble
from payments.webhooks import order_of

if TYPE_CHECKING:  # 2 MB of types, for the eyes of mypy only
    from stripe.params import PaymentIntentCreateParams

ANSWER_SECONDS = 5

T = TypeVar("T")

log = logging.getLogger(__name__)


class BadSignature(InvalidInput):
    """It did not come from Stripe."""

    message = "The signature is not Stripe's"


class StripeTrouble(Unavailable):
    """Something else came than what was asked for; `reason` is a word for people."""

    def __init__(self, trouble: Trouble, reason: str) -> None:
        super().__init__(f"Stripe: {trouble}, {reason}")
        self.trouble, self.reason = trouble, reason


class StripeGateway:
    """What payments need of Stripe, or of what stands in for it at another address.

    Every method raises StripeTrouble. A step that Stripe refuses is told by the intent as it is
    then, with the refusal: a card may be declined, or somebody else took the step before.
    """

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
        """An intent to hold the amount, not confirmed yet; raises UnknownCard."""
        params = {
            "amount": amount_cents,
            "currency": "usd",
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            "metadata": {"orderId": order_id},
            **_card_params(card),
        }
        typed = cast("PaymentIntentCreateParams", params)
        try:
            call = self._intents.create_async(typed, options={"idempotency_key": key})
            return _intent(await _answer(call))
        except StripeTrouble as trouble:
            if _is_about_the_card(trouble.__cause__):
                raise UnknownCard from trouble
            raise

    async def confirm(self, intent_id: str, key: str) -> Intent:
        """Hold the amount on the card."""
        return await self._step(
            intent_id, self._intents.confirm_async(intent_id, options={"idempotency_key": key})
        )

    async def capture(self, intent_id: str, key: str) -> Intent:
        """Take what is held."""
        return await self._step(
            intent_id, self._intents.capture_async(intent_id, options={"idempotency_key": key})
        )

    async def cancel(self, intent_id: str, key: str) -> Intent:
        """Release what is held, and let nothing more happen."""
        return await self._step(
            intent_id, self._intents.cancel_async(intent_id, options={"idempotency_key": key})
        )

    async def refund(self, intent_id: str, key: str) -> Intent:
        """Give back all that was taken and not given back yet."""
        refunds = self._client.v1.refunds
        call = refunds.create_async({"payment_intent": intent_id}, {"idempotency_key": key})
        try:
            refund = await _answer(call)
        except StripeTrouble as trouble:
            if trouble.reason != "charge_already_refunded":
                raise
        else:
            if refund.status in {"failed", "canceled"}:
                raise StripeTrouble(Trouble.REFUSAL, f"the refund is {refund.status}")
        return Intent(intent_id, IntentStatus.REFUNDED)

    async def retrieve(self, intent_id: str) -> Intent:
        """The intent as it is now."""
        return _intent(await _answer(self._intents.retrieve_async(intent_id)))

    def order_of_webhook(self, body: bytes, signature: str) -> str | None:
        """The order that a webhook is about, if it is one of ours; raises BadSignature."""
        try:
            stripe.WebhookSignature.verify_header(
                body, signature, self._webhook_secret, stripe.Webhook.DEFAULT_TOLERANCE
            )
        except (TypeError, ValueError, stripe.SignatureVerificationError) as error:
            raise BadSignature from error
        return order_of(body)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK forgot

    async def _step(self, intent_id: str, call: Awaitable[PaymentIntent]) -> Intent:
        try:
            return _intent(await _answer(call))
        except StripeTrouble as trouble:
            if trouble.trouble is not Trouble.REFUSAL:
                raise
            return replace(await self.retrieve(intent_id), refusal=trouble.reason)


async def _answer(call: Awaitable[T]) -> T:
    try:
        return await call
    except stripe.StripeError as error:
        raise StripeTrouble(_kind_of(error), error.code or type(error).__name__) from error


def _kind_of(error: stripe.StripeError) -> Trouble:
    """What to do about it: https://docs.stripe.com/error-low-level."""
    if isinstance(error, stripe.CardError | stripe.InvalidRequestError | stripe.IdempotencyError):
        return Trouble.REFUSAL
    return Trouble.FAILURE if (error.http_status or 0) >= 500 else Trouble.SILENCE


def _is_about_the_card(error: BaseException | None) -> bool:
    """Whether an intent was not even made because of its card."""
    if not isinstance(error, stripe.InvalidRequestError):
        return isinstance(error, stripe.CardError)
    unknown = error.code in {"resource_missing", "token_already_used"}
    return unknown or error.http_status == HTTPStatus.NOT_FOUND


def _card_params(card: str) -> dict[str, object]:
    """A token is wrapped the documented way, which the SDK's types leave out."""
    if card.startswith("tok_"):
        return {"payment_method_data": {"type": "card", "card": {"token": card}}}
    return {"payment_method": card}


def _intent(intent: PaymentIntent) -> Intent:
    error = intent.to_dict().get("last_payment_error") or {}
    reason = error.get("decline_code") or error.get("code")
    status = IntentStatus(intent.status)
    if status is IntentStatus.UNHEARD_OF:
        log.error("a word of Stripe that nobody knows here", extra={"word": intent.status})
    return Intent(
        id=intent.id,
        status=status,
        client_secret=intent.client_secret,
        decline_reason=reason,
    )
