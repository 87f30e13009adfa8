"""A PaymentIntent and its states: https://docs.stripe.com/payments/paymentintents/lifecycle."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from devstack.sandbox.cards import CARDS, Card
from devstack.sandbox.errors import StripeError, invalid

DECLINED = "Your card was declined."


@dataclass
class Intent:
    """One attempt to collect an amount of cents; at most one charge succeeds."""

    amount: int
    currency: str
    manual: bool
    metadata: dict[str, str]
    card: str | None
    payment_method: str | None
    id: str = field(default_factory=lambda: f"pi_{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    status: str = "requires_payment_method"
    captured: int = 0
    refunded: int = 0
    last_error: dict[str, Any] | None = None
    client_secret: str = ""

    def __post_init__(self) -> None:
        self.client_secret = self.client_secret or f"{self.id}_secret_{secrets.token_hex(8)}"
        if self.card and self.status == "requires_payment_method" and self.last_error is None:
            self.status = "requires_confirmation"

    def confirm(self) -> None:
        """Ask the bank; raises a card error when it declines."""
        self._require("requires_confirmation", to="confirm")
        card = CARDS[self.card or ""]
        if card.asks:
            self.status = "requires_action"
        elif card.decline:
            raise self._declined(card)
        else:
            self._hold()

    def authenticate(self, success: bool) -> None:
        """The buyer does, or does not, what the bank asks."""
        self._require("requires_action", to="authenticate")
        if success:
            self._hold()
            return
        self.status, self.card, self.payment_method = "requires_payment_method", None, None
        self.last_error = {
            "type": "invalid_request_error",
            "code": "payment_intent_authentication_failure",
            "message": "The provided PaymentMethod has failed authentication.",
        }

    def capture(self, amount: int | None) -> None:
        """Take what is held, or less of it."""
        self._require("requires_capture", to="capture")
        amount = self.amount if amount is None else amount
        if not 0 < amount <= self.amount:
            raise invalid("The amount to capture is too large.", "amount_too_large")
        self.captured, self.status = amount, "succeeded"

    def cancel(self) -> None:
        """Release what is held, and let nothing more happen."""
        if self.status in {"succeeded", "canceled", "processing"}:
            raise self._unexpected("cancel")
        self.status = "canceled"

    def refund(self, amount: int | None) -> int:
        """Give back what was taken, or some of it; how much."""
        left = self.captured - self.refunded
        if left == 0 and self.captured:
            raise invalid("The charge has already been refunded.", "charge_already_refunded")
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise invalid("The refund is greater than what is left.", "amount_too_large", "amount")
        self.refunded += amount
        return amount

    def _hold(self) -> None:
        if self.manual:
            self.status = "requires_capture"
        else:
            self.captured, self.status = self.amount, "succeeded"

    def _declined(self, card: Card) -> StripeError:
        self.status, self.card, self.payment_method = "requires_payment_method", None, None
        said = {"code": card.code, "decline_code": card.decline}
        self.last_error = {"type": "card_error", "message": DECLINED, **said}
        return StripeError(402, "card_error", DECLINED, payment_intent=self.to_json(), **said)

    def _require(self, status: str, *, to: str) -> None:
        if self.status != status:
            raise self._unexpected(to)

    def _unexpected(self, action: str) -> StripeError:
        return StripeError(
            400,
            "invalid_request_error",
            f"You cannot {action} this PaymentIntent because it has a status of {self.status}.",
            code="payment_intent_unexpected_state",
            payment_intent=self.to_json(),
        )

    def to_json(self) -> dict[str, Any]:
        """As Stripe describes it."""
        held = self.amount if self.status == "requires_capture" else 0
        charged = held or self.captured
        asks = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        return {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": held,
            "amount_received": self.captured,
            "capture_method": "manual" if self.manual else "automatic",
            "client_secret": self.client_secret,
            "created": self.created,
            "currency": self.currency,
            "last_payment_error": self.last_error,
            "latest_charge": f"ch_{self.id[3:]}" if charged else None,
            "livemode": False,
            "metadata": self.metadata,
            "next_action": asks if self.status == "requires_action" else None,
            "payment_method": self.payment_method,
            "payment_method_types": ["card"],
            "status": self.status,
        }
