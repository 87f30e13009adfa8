"""The published test cards: https://docs.stripe.com/testing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """How the bank answers: authorizes, requires 3-D Secure, or declines."""

    number: str
    brand: str = "visa"
    decline: str | None = None
    code: str = "card_declined"
    requires_action: bool = False


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("5555555555554444", brand="mastercard"),
        Card("4000000000000002", decline="generic_decline"),
        Card("4000000000009995", decline="insufficient_funds"),
        Card("4000000000000069", decline="expired_card", code="expired_card"),
        Card("4000000000000341", decline="generic_decline"),
        Card("4000002500003155", requires_action=True),
        Card("4000002760003184", requires_action=True),
    )
}

_NAMES = {
    "visa": "4242424242424242",
    "mastercard": "5555555555554444",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "visa_chargeDeclinedExpiredCard": "4000000000000069",
    "chargeCustomerFail": "4000000000000341",
    "threeDSecureRequired": "4000002500003155",
    "threeDSecure2Required": "4000002500003155",
    "authenticationRequired": "4000002760003184",
}

NAMED = {
    f"{prefix}{name}": number for prefix in ("pm_card_", "tok_") for name, number in _NAMES.items()
}
"""The names that exist without being created: `pm_card_visa`, `tok_chargeDeclined`, ..."""
