"""One request: who asks, what goes wrong on purpose, what is remembered, what happens."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devstack.sandbox.errors import StripeError
from devstack.sandbox.faults import Fault, Faults
from devstack.sandbox.forms import parse_form
from devstack.sandbox.idempotency import IdempotencyKeys
from devstack.sandbox.ledger import Ledger
from devstack.sandbox.operations import Operation, find_operation
from devstack.sandbox.webhooks import KIND_OF, Webhooks


@dataclass(frozen=True)
class Asked:
    """A request, as far as it matters."""

    method: str
    path: str
    form: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answered:
    """An answer; one that is `dropped` was meant, but never arrives."""

    status: int
    body: dict[str, Any]
    replayed: bool = False
    dropped: bool = False


class Api:
    """The sandbox without its web server."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks, keys: IdempotencyKeys) -> None:
        self.ledger, self.webhooks, self._keys = ledger, webhooks, keys
        self.faults = Faults()

    async def answer(self, asked: Asked) -> Answered:
        """What Stripe would answer."""
        try:
            operation, identity = find_operation(asked.method, asked.path)
            _authenticate(asked, operation)
            return await self._execute(asked, operation, identity)
        except StripeError as error:
            return Answered(error.status, error.body)

    async def _execute(self, asked: Asked, operation: Operation, identity: str) -> Answered:
        fault = self.faults.take(operation.name)
        if fault and fault.kind == "conflict":
            raise StripeError(409, "api_error", "This object is locked.", code="lock_timeout")
        key = asked.headers.get("idempotency-key") if asked.method == "POST" else None
        remembered = self._keys.begin(key, (asked.path, asked.form)) if key else None
        if remembered:
            return Answered(*remembered, replayed=True, dropped=_drops(fault))
        if fault and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        status, body, is_result = self._result(asked, operation, identity, fault)
        if key and is_result:
            self._keys.finish(key, status, body)
        elif key:
            self._keys.forget(key)
        return Answered(status, body, dropped=_drops(fault))

    def _result(
        self, asked: Asked, operation: Operation, identity: str, fault: Fault | None
    ) -> tuple[int, dict[str, Any], bool]:
        if fault and fault.kind == "error":
            error = StripeError(500, "api_error", "Something went wrong on Stripe's end.")
            return error.status, error.body, error.is_result
        try:
            return 200, operation.execute(self.ledger, identity, parse_form(asked.form)), True
        except StripeError as error:
            return error.status, error.body, error.is_result
        finally:
            if asked.method == "POST":
                self._changed()

    def _changed(self) -> None:
        self.ledger.save()
        for intent in self.ledger.changed():
            self.webhooks.tell(f"payment_intent.{KIND_OF[intent.status]}", intent.to_json())

    def authenticate(self, identity: str, success: bool) -> dict[str, Any]:
        """The buyer's answer to the bank."""
        intent = self.ledger.intent(identity)
        intent.authenticate(success)
        self._changed()
        return intent.to_json()


def _drops(fault: Fault | None) -> bool:
    return fault is not None and fault.kind == "drop_answer"


def _authenticate(asked: Asked, operation: Operation) -> None:
    scheme, _, key = asked.headers.get("authorization", "").partition(" ")
    allowed = ("sk_test_", "pk_test_") if operation.from_browsers else ("sk_test_",)
    if scheme != "Bearer" or not key.startswith(allowed):
        raise StripeError(401, "invalid_request_error", "Invalid API Key provided")
