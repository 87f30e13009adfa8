"""A PaymentIntent and its states: https://docs.stripe.com/payments/paymentintents/lifecycle."""

import secrets
import time

from pydantic import BaseModel, Field, PrivateAttr

from devstack.sandbox.cards import CARDS, Card
from devstack.sandbox.errors import Failed, Json, impossible, invalid

DECLINED = "Your card was declined."
STORED_FIELDS = {
    *("id", "client_secret", "amount", "currency", "metadata", "description", "payment_method"),
    *("created", "status", "canceled_at", "cancellation_reason"),
}
NEXT_ACTION: Json = {
    "type": "use_stripe_sdk",
    "use_stripe_sdk": {"type": "three_d_secure_redirect"},
}


class Intent(BaseModel):
    """One attempt to collect an amount of cents; at most one charge succeeds."""

    amount: int
    manual: bool = False
    currency: str = "usd"
    metadata: dict[str, str] = {}
    description: str | None = None
    card: str | None = None
    payment_method: str | None = None
    id: str = Field(default_factory=lambda: f"pi_{secrets.token_hex(12)}")
    client_secret: str = Field(
        default_factory=lambda known: f"{known['id']}_secret_{secrets.token_hex(8)}"
    )
    created: int = Field(default_factory=lambda: int(time.time()))
    status: str = "requires_payment_method"
    is_charged: bool = False
    captured: int = 0
    refunded: int = 0
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    last_error: Json | None = None
    _events: list[tuple[str, Json]] = PrivateAttr(default_factory=list)

    @property
    def charge_id(self) -> str:
        """The id of its charge, should there ever be one."""
        return f"ch_{self.id.removeprefix('pi_')}"

    def drain_changes(self) -> list[tuple[str, Json]]:
        """The events since the last call: their types, and their objects."""
        events, self._events = self._events, []
        return events

    def emit_created(self) -> None:
        """Emit the event of its creation."""
        self._emit("payment_intent.created")

    def attach(self, payment_method: str, card: str) -> None:
        """Attach a card."""
        if self.status not in {"requires_payment_method", "requires_confirmation"}:
            raise self._unexpected("confirm")
        self.payment_method, self.card = payment_method, card
        self.status = "requires_confirmation"

    def confirm(self) -> None:
        """Ask the bank; raises a card error when it declines."""
        if self.status != "requires_confirmation" or self.card is None:
            raise self._unexpected("confirm")
        card = CARDS[self.card]
        if card.requires_action:
            self._transition("requires_action", "requires_action")
        elif card.decline:
            raise self._declined(card)
        else:
            self._hold()

    def authenticate(self, success: bool) -> None:
        """Complete 3-D Secure, or fail it."""
        if self.status != "requires_action":
            raise self._unexpected("authenticate")
        if success:
            self._hold()
        else:
            self._fail(
                {
                    "type": "invalid_request_error",
                    "code": "payment_intent_authentication_failure",
                    "message": "The provided PaymentMethod has failed authentication.",
                }
            )

    def capture(self, amount: int) -> None:
        """Capture the authorized amount, or less."""
        if self.status != "requires_capture":
            raise self._unexpected("capture")
        if not 0 < amount <= self.amount:
            message = "The amount to capture is not between 1 and the amount that is held."
            raise invalid(message, "amount_too_large", "amount_to_capture")
        self.captured = amount
        self._transition("succeeded", "succeeded")

    def cancel(self, reason: str | None) -> None:
        """Cancel, which releases the authorization."""
        if self.status in {"succeeded", "canceled"}:
            raise self._unexpected("cancel")
        self.canceled_at, self.cancellation_reason = int(time.time()), reason
        self._transition("canceled", "canceled")

    def expire(self) -> None:
        """The authorization expires before it was captured: after seven days, or on demand."""
        if self.status != "requires_capture":
            raise self._unexpected("expire")
        self.cancel("automatic")

    def refund(self, amount: int | None) -> int:
        """Refund the captured amount, or part of it; returns how much."""
        left = self.captured - self.refunded
        if self.captured == 0:
            raise self._unexpected("refund")
        if left == 0:
            raise impossible("The charge has already been refunded.", "charge_already_refunded")
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise invalid("The refund is greater than what is left.", "amount_too_large", "amount")
        self.refunded += amount
        self._events.append(("charge.refunded", self.charge_json()))
        return amount

    def _hold(self) -> None:
        self.is_charged = True
        if self.manual:
            self._transition("requires_capture", "amount_capturable_updated")
        else:
            self.captured = self.amount
            self._transition("succeeded", "succeeded")

    def _declined(self, card: Card) -> Failed:
        codes = {"code": card.code, "decline_code": card.decline}
        self._fail({"type": "card_error", "message": DECLINED, **codes})
        more = {**codes, "payment_intent": self.to_json()}
        return Failed(402, "card_error", DECLINED, **more)

    def _fail(self, error: Json) -> None:
        self.card = self.payment_method = None
        self.last_error = error
        self._transition("requires_payment_method", "payment_failed")

    def _transition(self, status: str, kind: str) -> None:
        self.status = status
        self._emit(f"payment_intent.{kind}")

    def _emit(self, kind: str) -> None:
        self._events.append((kind, self.to_json()))

    def _unexpected(self, action: str) -> Failed:
        message = f"You cannot {action} this PaymentIntent because it has a status of {self.status}"
        return impossible(message, "payment_intent_unexpected_state", payment_intent=self.to_json())

    def to_json(self) -> Json:
        """The JSON representation of Stripe's API."""
        return {
            "object": "payment_intent",
            **self.model_dump(include=STORED_FIELDS),
            "amount_capturable": self.amount if self.status == "requires_capture" else 0,
            "amount_received": self.captured,
            "capture_method": "manual" if self.manual else "automatic",
            "last_payment_error": self.last_error,
            "latest_charge": self.charge_id if self.is_charged else None,
            "livemode": False,
            "next_action": NEXT_ACTION if self.status == "requires_action" else None,
            "payment_method_types": ["card"],
        }

    def charge_json(self) -> Json:
        """The charge as JSON; a released authorization counts as refunded."""
        released = self.status == "canceled"
        return {
            "object": "charge",
            **self.model_dump(include={"amount", "created", "currency", "metadata"}),
            "id": self.charge_id,
            "amount_captured": self.captured,
            "amount_refunded": self.amount if released else self.refunded,
            "captured": self.captured > 0,
            "livemode": False,
            "paid": True,
            "payment_intent": self.id,
            "payment_method": self.payment_method,
            "refunded": released or 0 < self.captured == self.refunded,
            "status": "succeeded",
        }
