"""One request: who asks, what goes wrong on purpose, what is remembered, what happens."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from devstack.sandbox.errors import Json, StripeError, broken, refused
from devstack.sandbox.faults import Fault, Faults
from devstack.sandbox.forms import Form
from devstack.sandbox.ledger import Ledger
from devstack.sandbox.operations import Operation, find_operation
from devstack.sandbox.webhooks import Webhooks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A request, as far as it matters."""

    method: str
    path: str
    form: str
    headers: Mapping[str, str]
    id: str = field(default_factory=lambda: f"req_{secrets.token_hex(7)}")

    @property
    def key(self) -> str | None:
        """The idempotency key; Stripe heeds none where nothing is changed."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None


@dataclass(frozen=True)
class Answered:
    """An answer; one that is `dropped` was meant, but never arrives."""

    status: int
    body: Json
    replayed: bool = False
    dropped: bool = False


class Api:
    """The sandbox without its web server."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks) -> None:
        self.ledger, self.webhooks, self.faults = ledger, webhooks, Faults()

    async def answer(self, asked: Asked) -> Answered:
        """What Stripe would answer."""
        try:
            operation, identity = find_operation(asked.method, asked.path)
            _authenticate(asked, operation)
            return await self._execute(asked, operation, identity)
        except StripeError as error:
            return Answered(error.status, error.body)

    def authenticate(self, identity: str, success: bool) -> Json:
        """The buyer's answer to the bank."""
        intent = self.ledger.intent(identity)
        intent.authenticate(success)
        self._settle()
        return intent.to_json()

    def expire(self, identity: str) -> Json:
        """Seven days in no time."""
        intent = self.ledger.intent(identity)
        intent.expire()
        self._settle()
        return intent.to_json()

    async def _execute(self, asked: Asked, operation: Operation, identity: str) -> Answered:
        fault, key = self.faults.take(operation.name), asked.key
        kind, seconds = (fault.kind, fault.seconds) if fault else (None, 0.0)
        if kind == "conflict":
            raise StripeError(409, "api_error", "This object is locked.", code="lock_timeout")
        known = self.ledger.keys.begin(key, f"{asked.path}?{asked.form}") if key else None
        if known:
            return Answered(*known, replayed=True, dropped=kind == "drop_answer")
        if kind == "delay":
            await asyncio.sleep(seconds)
        status, body = self._result(asked, operation, identity, fault)
        if kind == "delay_answer":
            await asyncio.sleep(seconds)
        return Answered(status, body, dropped=kind == "drop_answer")

    def _result(
        self, asked: Asked, operation: Operation, identity: str, fault: Fault | None
    ) -> tuple[int, Json]:
        """Never waits for anything, so that two requests cannot change one intent at once."""
        status, executed = 200, True
        try:
            body = self._changed(asked, operation, identity, fault)
        except StripeError as error:
            status, body, executed = error.status, error.body, error.executed
        if asked.key and executed:
            self.ledger.keys.finish(asked.key, status, body)
        elif asked.key:
            self.ledger.keys.forget(asked.key)
        self._settle(asked)
        return status, body

    def _changed(
        self, asked: Asked, operation: Operation, identity: str, fault: Fault | None
    ) -> Json:
        if fault and fault.kind == "error":
            raise broken()
        if fault and fault.kind == "refuse":
            raise refused(operation.name)
        try:
            return operation.execute(self.ledger, identity, Form.parse(asked.form))
        except StripeError:
            raise
        except Exception as error:
            log.exception("%s %s failed", asked.method, asked.path)
            raise broken() from error

    def _settle(self, asked: Asked | None = None) -> None:
        request: Json = {"id": asked and asked.id, "idempotency_key": asked and asked.key}
        for kind, thing in self.ledger.settle():
            self.webhooks.tell(kind, thing, request)


def _authenticate(asked: Asked, operation: Operation) -> None:
    scheme, _, key = asked.headers.get("authorization", "").partition(" ")
    allowed = ("sk_test_", "pk_test_") if operation.from_browsers else ("sk_test_",)
    if scheme != "Bearer" or not key.startswith(allowed):
        raise StripeError(401, "invalid_request_error", "Invalid API Key provided")
