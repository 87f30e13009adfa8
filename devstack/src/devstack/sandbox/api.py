"""One request: who asks, what goes wrong on purpose, what is remembered, what happens."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from devstack.sandbox.errors import Json, StripeError, broken
from devstack.sandbox.faults import Fault, Faults
from devstack.sandbox.forms import Form
from devstack.sandbox.idempotency import IdempotencyKeys
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

    def authenticate(self, identity: str, success: bool) -> Json:
        """The buyer's answer to the bank."""
        intent = self.ledger.intent(identity)
        intent.authenticate(success)
        self._settle()
        return intent.to_json()

    async def _execute(self, asked: Asked, operation: Operation, identity: str) -> Answered:
        fault, key = self.faults.take(operation.name), asked.key
        kind, dropped = fault and fault.kind, fault is not None and fault.kind == "drop_answer"
        if kind == "conflict":
            raise StripeError(409, "api_error", "This object is locked.", code="lock_timeout")
        known = self._keys.begin(key, (asked.path, asked.form)) if key else None
        if known:
            return Answered(*known, replayed=True, dropped=dropped)
        if fault and kind == "delay":
            await asyncio.sleep(fault.seconds)
        try:
            body = self._result(asked, operation, identity, fault)
        except StripeError as error:
            self._remember(key, error.status, error.body, executed=error.executed)
            return Answered(error.status, error.body, dropped=dropped)
        self._remember(key, 200, body, executed=True)
        return Answered(200, body, dropped=dropped)

    def _result(
        self, asked: Asked, operation: Operation, identity: str, fault: Fault | None
    ) -> Json:
        """Never waits for anything, so that two requests cannot change one intent at once."""
        if fault and fault.kind == "error":
            raise broken()
        try:
            return operation.execute(self.ledger, identity, Form.parse(asked.form))
        except StripeError:
            raise
        except Exception as error:
            log.exception("%s %s failed", asked.method, asked.path)
            raise broken() from error
        finally:
            self._settle(asked)

    def _settle(self, asked: Asked | None = None) -> None:
        request: Json = {"id": asked and asked.id, "idempotency_key": asked and asked.key}
        for kind, thing in self.ledger.settle():
            self.webhooks.tell(kind, thing, request)

    def _remember(self, key: str | None, status: int, body: Json, *, executed: bool) -> None:
        if key and executed:
            self._keys.finish(key, status, body)
        elif key:
            self._keys.forget(key)


def _authenticate(asked: Asked, operation: Operation) -> None:
    scheme, _, key = asked.headers.get("authorization", "").partition(" ")
    allowed = ("sk_test_", "pk_test_") if operation.from_browsers else ("sk_test_",)
    if scheme != "Bearer" or not key.startswith(allowed):
        raise StripeError(401, "invalid_request_error", "Invalid API Key provided")
