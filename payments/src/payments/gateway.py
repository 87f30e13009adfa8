"""The gateway to Stripe, the only importer of its SDK: maps PaymentIntents to our types."""

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
from payments.retry import FailureKind
from payments.webhooks import order_id_of

if TYPE_CHECKING:  # 2 MB of types, for the eyes of mypy only
    from stripe.params import PaymentIntentCreateParams

TIMEOUT_SECONDS = 5

T = TypeVar("T")

log = logging.getLogger(__name__)


class BadSignature(InvalidInput):
    """The signature of a webhook is not Stripe's."""

    message = "The signature is not Stripe's"


class StripeFailure(Unavailable):
    """An operation failed; `reason` is Stripe's error code, for people."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(f"Stripe: {kind}, {reason}")
        self.kind, self.reason = kind, reason


class StripeGateway:
    """The operations that payments need, at Stripe or at the sandbox (`api_base`).

    Every method raises StripeFailure. For a rejected operation the present intent is returned with
    `refusal`: a card may be declined, or another request has executed the operation before.
    """

    def __init__(self, secret_key: str, webhook_secret: str, api_base: str) -> None:
        self._webhook_secret = webhook_secret
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS, allow_sync_methods=False)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            http_client=self._http,
            max_network_retries=1,  # with the same key; later retries are the reconciler's
        )
        self._intents = self._client.v1.payment_intents

    async def create(self, order_id: str, amount_cents: int, card: str, key: str) -> Intent:
        """Create an intent with manual capture, not confirmed yet; raises UnknownCard."""
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
            return _intent(await _translate_errors(call))
        except StripeFailure as failure:
            if _is_about_the_card(failure.__cause__):
                raise UnknownCard from failure
            raise

    async def confirm(self, intent_id: str, key: str) -> Intent:
        """Authorize the amount on the card."""
        return await self._execute(
            intent_id, self._intents.confirm_async(intent_id, options={"idempotency_key": key})
        )

    async def capture(self, intent_id: str, key: str) -> Intent:
        """Capture the authorized amount."""
        return await self._execute(
            intent_id, self._intents.capture_async(intent_id, options={"idempotency_key": key})
        )

    async def cancel(self, intent_id: str, key: str) -> Intent:
        """Cancel the intent, which releases the authorization."""
        return await self._execute(
            intent_id, self._intents.cancel_async(intent_id, options={"idempotency_key": key})
        )

    async def refund(self, intent_id: str, key: str) -> Intent:
        """Refund in full; already refunded is a success."""
        refunds = self._client.v1.refunds
        call = refunds.create_async({"payment_intent": intent_id}, {"idempotency_key": key})
        try:
            refund = await _translate_errors(call)
        except StripeFailure as failure:
            if failure.reason != "charge_already_refunded":
                raise
        else:
            if refund.status in {"failed", "canceled"}:
                raise StripeFailure(FailureKind.REJECTED, f"the refund is {refund.status}")
        return Intent(intent_id, IntentStatus.REFUNDED)

    async def retrieve(self, intent_id: str) -> Intent:
        """The present state of the intent."""
        return _intent(await _translate_errors(self._intents.retrieve_async(intent_id)))

    def order_id_of_webhook(self, body: bytes, signature: str) -> str | None:
        """The id of the order that a webhook is about, if it is ours; raises BadSignature."""
        try:
            stripe.WebhookSignature.verify_header(
                body, signature, self._webhook_secret, stripe.Webhook.DEFAULT_TOLERANCE
            )
        except (TypeError, ValueError, stripe.SignatureVerificationError) as error:
            raise BadSignature from error
        return order_id_of(body)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK forgot

    async def _execute(self, intent_id: str, call: Awaitable[PaymentIntent]) -> Intent:
        try:
            return _intent(await _translate_errors(call))
        except StripeFailure as failure:
            if failure.kind is not FailureKind.REJECTED:
                raise
            return replace(await self.retrieve(intent_id), refusal=failure.reason)


async def _translate_errors(call: Awaitable[T]) -> T:
    try:
        return await call
    except stripe.StripeError as error:
        raise StripeFailure(_failure_kind(error), error.code or type(error).__name__) from error


def _failure_kind(error: stripe.StripeError) -> FailureKind:
    """Which retry applies: https://docs.stripe.com/error-low-level."""
    if isinstance(error, stripe.CardError | stripe.InvalidRequestError | stripe.IdempotencyError):
        return FailureKind.REJECTED
    return FailureKind.SERVER_ERROR if (error.http_status or 0) >= 500 else FailureKind.NO_ANSWER


def _is_about_the_card(error: BaseException | None) -> bool:
    """Whether an intent was not created because of its card."""
    if not isinstance(error, stripe.InvalidRequestError):
        return isinstance(error, stripe.CardError)
    unknown = error.code in {"resource_missing", "token_already_used"}
    return unknown or error.http_status == HTTPStatus.NOT_FOUND


def _card_params(card: str) -> dict[str, object]:
    """A token is wrapped in the documented way, which the SDK's types lack."""
    if card.startswith("tok_"):
        return {"payment_method_data": {"type": "card", "card": {"token": card}}}
    return {"payment_method": card}


def _intent(intent: PaymentIntent) -> Intent:
    error = intent.to_dict().get("last_payment_error") or {}
    reason = error.get("decline_code") or error.get("code")
    status = IntentStatus(intent.status)
    if status is IntentStatus.UNKNOWN:
        log.error("unknown status of a PaymentIntent", extra={"word": intent.status})
    return Intent(
        id=intent.id,
        status=status,
        client_secret=intent.client_secret,
        decline_reason=reason,
    )
