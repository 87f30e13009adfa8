"""What can be asked of the API about cards: one short function for each."""

import re

from devstack.sandbox.cards import CARDS
from devstack.sandbox.errors import Json, StripeError, invalid
from devstack.sandbox.forms import Form
from devstack.sandbox.ledger import Ledger, card_json


def create_payment_method(ledger: Ledger, _: str, form: Form) -> Json:
    """POST /v1/payment_methods."""
    name = ledger.name_card("pm", _given_card(ledger, form, ""))
    return retrieve_payment_method(ledger, name, form)


def retrieve_payment_method(ledger: Ledger, identity: str, _: Form) -> Json:
    """GET /v1/payment_methods/{id}."""
    card = card_json(ledger.card_of(identity, "payment_method", status=404))
    return {"id": identity, "object": "payment_method", "type": "card", "card": card}


def create_token(ledger: Ledger, _: str, form: Form) -> Json:
    """POST /v1/tokens."""
    number = _checked(form.part("card").text("number"))
    name = ledger.name_card("tok", number)
    return {"id": name, "object": "token", "type": "card", "card": card_json(number)}


def chosen_card(ledger: Ledger, form: Form) -> tuple[str, str] | None:
    """The payment method that a request names or brings along, with its card's number."""
    if "payment_method" in form:
        name = form.text("payment_method")
        return name, ledger.card_of(name, "payment_method")
    if "payment_method_data" in form:
        number = _given_card(ledger, form.part("payment_method_data"), "payment_method_data")
        return ledger.name_card("pm", number), number
    return None


def _given_card(ledger: Ledger, form: Form, where: str) -> str:
    if form.one_of("type", "", "card") == "":
        raise invalid("Missing required param: type.", "parameter_missing", "type")
    card = form.part("card")
    if "token" in card:
        param = f"{where}[card][token]" if where else "card[token]"
        return ledger.use_token(card.text("token"), param)
    return _checked(card.text("number"))


def _checked(number: str) -> str:
    if not number:
        raise invalid("Missing required param: card[number].", "parameter_missing", "card")
    number = re.sub(r"[\s-]", "", number)
    if number not in CARDS:
        message = "Your card number is incorrect."
        raise StripeError(402, "card_error", message, code="incorrect_number", param="number")
    return number
