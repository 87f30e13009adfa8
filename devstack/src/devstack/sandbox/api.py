"""Handles one API request: authentication, injected faults, idempotency, execution."""

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
class ApiRequest:
    """The relevant parts of a request."""

    method: str
    path: str
    form: str
    headers: Mapping[str, str]
    id: str = field(default_factory=lambda: f"req_{secrets.token_hex(7)}")

    @property
    def key(self) -> str | None:
        """The idempotency key; Stripe ignores it unless the method is POST."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None


@dataclass(frozen=True)
class ApiResponse:
    """A response; one that is `dropped` is never sent."""

    status: int
    body: Json
    replayed: bool = False
    dropped: bool = False


class Api:
    """The sandbox without the web server."""

    def __init__(self, ledger: Ledger, webhooks: Webhooks) -> None:
        self.ledger, self.webhooks, self.faults = ledger, webhooks, Faults()

    async def answer(self, request: ApiRequest) -> ApiResponse:
        """The response of Stripe."""
        try:
            operation, identity = find_operation(request.method, request.path)
            _authenticate(request, operation)
            return await self._execute(request, operation, identity)
        except StripeError as error:
            return ApiResponse(error.status, error.body)

    def authenticate(self, identity: str, success: bool) -> Json:
        """Complete 3-D Secure."""
        intent = self.ledger.intent(identity)
        intent.authenticate(success)
        self._commit()
        return intent.to_json()

    def expire(self, identity: str) -> Json:
        """Expire the authorization at once."""
        intent = self.ledger.intent(identity)
        intent.expire()
        self._commit()
        return intent.to_json()

    async def _execute(
        self, request: ApiRequest, operation: Operation, identity: str
    ) -> ApiResponse:
        fault, key = self.faults.consume(operation.name), request.key
        kind, seconds = (fault.kind, fault.seconds) if fault else (None, 0.0)
        if kind == "conflict":
            raise StripeError(409, "api_error", "This object is locked.", code="lock_timeout")
        known = self.ledger.keys.begin(key, f"{request.path}?{request.form}") if key else None
        if known:
            return ApiResponse(*known, replayed=True, dropped=kind == "drop_answer")
        if kind == "delay":
            await asyncio.sleep(seconds)
        status, body = self._result(request, operation, identity, fault)
        if kind == "delay_answer":
            await asyncio.sleep(seconds)
        return ApiResponse(status, body, dropped=kind == "drop_answer")

    def _result(
        self, request: ApiRequest, operation: Operation, identity: str, fault: Fault | None
    ) -> tuple[int, Json]:
        """Never awaits, so that two requests cannot change one intent concurrently."""
        status, executed = 200, True
        try:
            body = self._perform(request, operation, identity, fault)
        except StripeError as error:
            status, body, executed = error.status, error.body, error.executed
        if request.key and executed:
            self.ledger.keys.finish(request.key, status, body)
        elif request.key:
            self.ledger.keys.release(request.key)
        self._commit(request)
        return status, body

    def _perform(
        self, request: ApiRequest, operation: Operation, identity: str, fault: Fault | None
    ) -> Json:
        if fault and fault.kind == "error":
            raise broken()
        if fault and fault.kind == "refuse":
            raise refused(operation.name)
        try:
            return operation.execute(self.ledger, identity, Form.parse(request.form))
        except StripeError:
            raise
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            raise broken() from error

    def _commit(self, request: ApiRequest | None = None) -> None:
        cause: Json = {"id": request and request.id, "idempotency_key": request and request.key}
        for kind, data_object in self.ledger.commit():
            self.webhooks.enqueue(kind, data_object, cause)


def _authenticate(request: ApiRequest, operation: Operation) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    allowed = ("sk_test_", "pk_test_") if operation.from_browsers else ("sk_test_",)
    if scheme != "Bearer" or not key.startswith(allowed):
        raise StripeError(401, "invalid_request_error", "Invalid API Key provided")
