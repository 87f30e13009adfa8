"""The table of API operations."""

import re
from collections.abc import Callable
from typing import NamedTuple

from devstack.sandbox import payment_intents as intents
from devstack.sandbox import payment_methods as methods
from devstack.sandbox.errors import Json, StripeError
from devstack.sandbox.forms import Form
from devstack.sandbox.ledger import Ledger


class Operation(NamedTuple):
    """One operation; `name` is its name in faults."""

    name: str
    method: str
    path: str
    execute: Callable[[Ledger, str, Form], Json]
    from_browsers: bool = False


OPERATIONS = (
    Operation("create", "POST", r"/v1/payment_intents", intents.create_intent),
    Operation("list", "GET", r"/v1/payment_intents", intents.list_intents),
    Operation("retrieve", "GET", r"/v1/payment_intents/(\w+)", intents.retrieve_intent),
    Operation("confirm", "POST", r"/v1/payment_intents/(\w+)/confirm", intents.confirm_intent),
    Operation("capture", "POST", r"/v1/payment_intents/(\w+)/capture", intents.capture_intent),
    Operation("cancel", "POST", r"/v1/payment_intents/(\w+)/cancel", intents.cancel_intent),
    Operation("charge", "GET", r"/v1/charges/(\w+)", intents.retrieve_charge),
    Operation("refund", "POST", r"/v1/refunds", intents.create_refund),
    Operation("card", "POST", r"/v1/payment_methods", methods.create_payment_method, True),
    Operation("card", "GET", r"/v1/payment_methods/(\w+)", methods.retrieve_payment_method),
    Operation("token", "POST", r"/v1/tokens", methods.create_token, True),
)


def find_operation(method: str, path: str) -> tuple[Operation, str]:
    """The operation that a request asks for, and the id in its path."""
    for operation in OPERATIONS:
        match = re.fullmatch(operation.path, path)
        if match and method == operation.method:
            return operation, match[1] if match.groups() else ""
    raise StripeError(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")
