"""What can be asked of the API: a table of routes, and one short function for each."""

import re
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from devstack.sandbox.cards import CARDS
from devstack.sandbox.errors import StripeError, invalid, missing
from devstack.sandbox.forms import Form, whole_number
from devstack.sandbox.intents import Intent
from devstack.sandbox.ledger import Ledger

LEAST_CENTS = 50
Answer = dict[str, Any]


def create_intent(ledger: Ledger, _: str, form: Form) -> Answer:
    """POST /v1/payment_intents."""
    amount = whole_number(form, "amount")
    if amount < LEAST_CENTS:
        raise invalid("Amount must be at least $0.50 usd", "amount_too_small", "amount")
    if form.get("currency") != "usd":
        raise invalid("Invalid currency", "parameter_invalid", "currency")
    name, number = _chosen_card(ledger, form)
    manual = form.get("capture_method") == "manual"
    intent = Intent(amount, "usd", manual, form.get("metadata", {}), number, name)
    ledger.add(intent)
    if form.get("confirm") == "true":
        intent.confirm()
    return intent.to_json()


def _chosen_card(ledger: Ledger, form: Form) -> tuple[str | None, str | None]:
    if name := form.get("payment_method"):
        return name, ledger.card_of(name, "PaymentMethod", "payment_method")
    if data := form.get("payment_method_data"):
        number = _given_card(ledger, data, "payment_method_data[card][token]")
        return ledger.keep_card("pm", number), number
    return None, None


def _given_card(ledger: Ledger, form: Form, param: str) -> str:
    card = form.get("card", {})
    if token := card.get("token"):
        return ledger.card_of(token, "token", param)
    number = re.sub(r"\s", "", card.get("number", ""))
    if number not in CARDS:
        raise StripeError(
            402, "card_error", "Your card number is incorrect.", code="incorrect_number"
        )
    return number


def list_intents(ledger: Ledger, _: str, form: Form) -> Answer:
    """GET /v1/payment_intents: newest first."""
    limit = whole_number(form, "limit", 10)
    ids = list(reversed(ledger.intents))
    if after := form.get("starting_after"):
        ids = ids[ids.index(ledger.intent(after).id) + 1 :]
    shown = [ledger.intents[identity].to_json() for identity in ids[:limit]]
    more = len(ids) > limit
    return {"object": "list", "data": shown, "has_more": more, "url": "/v1/payment_intents"}


def retrieve_intent(ledger: Ledger, identity: str, _: Form) -> Answer:
    """GET /v1/payment_intents/{id}."""
    return ledger.intent(identity).to_json()


def confirm_intent(ledger: Ledger, identity: str, form: Form) -> Answer:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = ledger.intent(identity)
    name, number = _chosen_card(ledger, form)
    if number and intent.status in {"requires_payment_method", "requires_confirmation"}:
        intent.card, intent.payment_method, intent.status = number, name, "requires_confirmation"
    intent.confirm()
    return intent.to_json()


def capture_intent(ledger: Ledger, identity: str, form: Form) -> Answer:
    """POST /v1/payment_intents/{id}/capture."""
    intent = ledger.intent(identity)
    some = "amount_to_capture" in form
    intent.capture(whole_number(form, "amount_to_capture") if some else None)
    return intent.to_json()


def cancel_intent(ledger: Ledger, identity: str, _: Form) -> Answer:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = ledger.intent(identity)
    intent.cancel()
    return intent.to_json()


def create_refund(ledger: Ledger, _: str, form: Form) -> Answer:
    """POST /v1/refunds."""
    intent = ledger.intent(form.get("payment_intent", ""))
    amount = intent.refund(whole_number(form, "amount") if "amount" in form else None)
    made = {"id": f"re_{secrets.token_hex(12)}", "object": "refund", "status": "succeeded"}
    return {**made, "amount": amount, "currency": "usd", "payment_intent": intent.id}


def create_payment_method(ledger: Ledger, _: str, form: Form) -> Answer:
    """POST /v1/payment_methods."""
    name = ledger.keep_card("pm", _given_card(ledger, form, "card[token]"))
    return retrieve_payment_method(ledger, name, form)


def retrieve_payment_method(ledger: Ledger, identity: str, _: Form) -> Answer:
    """GET /v1/payment_methods/{id}."""
    if identity not in ledger.cards:
        raise missing("PaymentMethod", identity, "payment_method")
    card = ledger.card_json(identity)
    return {"id": identity, "object": "payment_method", "type": "card", "card": card}


def create_token(ledger: Ledger, _: str, form: Form) -> Answer:
    """POST /v1/tokens."""
    name = ledger.keep_card("tok", _given_card(ledger, form, "card[number]"))
    return {"id": name, "object": "token", "type": "card", "card": ledger.card_json(name)}


class Operation(NamedTuple):
    """One thing that can be asked; `name` is what faults call it."""

    name: str
    method: str
    path: str
    execute: Callable[[Ledger, str, Form], Answer]
    from_browsers: bool = False


OPERATIONS = (
    Operation("create", "POST", r"/v1/payment_intents", create_intent),
    Operation("list", "GET", r"/v1/payment_intents", list_intents),
    Operation("retrieve", "GET", r"/v1/payment_intents/(\w+)", retrieve_intent),
    Operation("confirm", "POST", r"/v1/payment_intents/(\w+)/confirm", confirm_intent),
    Operation("capture", "POST", r"/v1/payment_intents/(\w+)/capture", capture_intent),
    Operation("cancel", "POST", r"/v1/payment_intents/(\w+)/cancel", cancel_intent),
    Operation("refund", "POST", r"/v1/refunds", create_refund),
    Operation("payment_method", "POST", r"/v1/payment_methods", create_payment_method, True),
    Operation("payment_method", "GET", r"/v1/payment_methods/(\w+)", retrieve_payment_method),
    Operation("token", "POST", r"/v1/tokens", create_token, True),
)


def find_operation(method: str, path: str) -> tuple[Operation, str]:
    """The operation that a request asks for, and the id in its path."""
    for operation in OPERATIONS:
        match = re.fullmatch(operation.path, path)
        if match and method == operation.method:
            return operation, match[1] if match.groups() else ""
    raise StripeError(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")
