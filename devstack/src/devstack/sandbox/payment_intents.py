"""What can be asked of the API about intents, charges and refunds: one short function for each."""

import secrets
import time

from devstack.sandbox.errors import Json, invalid
from devstack.sandbox.forms import Form
from devstack.sandbox.intents import Intent
from devstack.sandbox.ledger import Ledger
from devstack.sandbox.payment_methods import chosen_card

MIN_CENTS = 50
MAX_CENTS = 99_999_999
MAX_PAGE = 100


def create_intent(ledger: Ledger, _: str, form: Form) -> Json:
    """POST /v1/payment_intents."""
    method = form.one_of("capture_method", "automatic_async", "automatic", "manual")
    intent = Intent(
        amount=_amount(form),
        manual=method == "manual",
        metadata=form.texts("metadata"),
        description=form.text("description") or None,
    )
    confirms = form.one_of("confirm", "false", "true") == "true"
    if chosen := chosen_card(ledger, form):
        intent.attach(*chosen)
    elif confirms:
        raise invalid("To confirm, give a payment method.", "parameter_missing", "payment_method")
    ledger.add(intent)
    if confirms:
        intent.confirm()
    return intent.to_json()


def _amount(form: Form) -> int:
    amount = form.whole_number("amount")
    if amount < MIN_CENTS:
        raise invalid("Amount must be at least $0.50 usd", "amount_too_small", "amount")
    if amount > MAX_CENTS:
        raise invalid("Amount must be no more than $999,999.99", "amount_too_large", "amount")
    if form.text("currency").lower() != "usd":
        raise invalid("Invalid currency: only usd is known here", "parameter_invalid", "currency")
    return amount


def list_intents(ledger: Ledger, _: str, form: Form) -> Json:
    """GET /v1/payment_intents: newest first."""
    limit = form.whole_number("limit", 10)
    if not 1 <= limit <= MAX_PAGE:
        raise invalid("Limit must be from 1 to 100.", "parameter_invalid_integer", "limit")
    ids = list(reversed(ledger.intents))
    if after := form.text("starting_after"):
        ids = ids[ids.index(ledger.intent(after, "starting_after", 400).id) + 1 :]
    shown = [ledger.intents[identity].to_json() for identity in ids[:limit]]
    more = len(ids) > limit
    return {"object": "list", "data": shown, "has_more": more, "url": "/v1/payment_intents"}


def retrieve_intent(ledger: Ledger, identity: str, _: Form) -> Json:
    """GET /v1/payment_intents/{id}."""
    return ledger.intent(identity).to_json()


def confirm_intent(ledger: Ledger, identity: str, form: Form) -> Json:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = ledger.intent(identity)
    if chosen := chosen_card(ledger, form):
        intent.attach(*chosen)
    intent.confirm()
    return intent.to_json()


def capture_intent(ledger: Ledger, identity: str, form: Form) -> Json:
    """POST /v1/payment_intents/{id}/capture."""
    intent = ledger.intent(identity)
    intent.capture(form.whole_number("amount_to_capture", intent.amount))
    return intent.to_json()


def cancel_intent(ledger: Ledger, identity: str, form: Form) -> Json:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = ledger.intent(identity)
    reasons = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
    intent.cancel(form.one_of("cancellation_reason", "", *reasons) or None)
    return intent.to_json()


def retrieve_charge(ledger: Ledger, identity: str, _: Form) -> Json:
    """GET /v1/charges/{id}."""
    return ledger.intent_of_charge(identity).charge_json()


def create_refund(ledger: Ledger, _: str, form: Form) -> Json:
    """POST /v1/refunds."""
    if "charge" in form:
        intent = ledger.intent_of_charge(form.text("charge"), status=400)
    else:
        intent = ledger.intent(form.text("payment_intent"), "payment_intent", 400)
    metadata = form.texts("metadata")
    amount = intent.refund(form.whole_number("amount") if "amount" in form else None)
    return {
        "id": f"re_{secrets.token_hex(12)}",
        "object": "refund",
        "amount": amount,
        "charge": intent.charge_id,
        "created": int(time.time()),
        "currency": intent.currency,
        "metadata": metadata,
        "payment_intent": intent.id,
        "status": "succeeded",
    }
