"""Idempotency keys with Stripe's rules: https://docs.stripe.com/api/idempotent_requests."""

import hashlib
import time
from collections.abc import Callable, Iterable

from pydantic import BaseModel

from devstack.sandbox.errors import Json, StripeError, invalid

RETENTION_SECONDS = 24 * 3600
MAX_KEY_LENGTH = 255


class StoredResponse(BaseModel):
    """The digest of the first request with a key, and its response once there is one."""

    key: str
    request: str
    since: float
    answer: tuple[int, Json] | None = None


class IdempotencyKeys:
    """The first response to a key is replayed for a day, success or not."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[str, StoredResponse] = {}
        self._changes: list[StoredResponse] = []

    def restore(self, stored: Iterable[StoredResponse]) -> None:
        """Restore the responses stored before a restart; the later one of two counts."""
        for one in stored:
            self._known.pop(one.key, None)
            self._known[one.key] = one

    def all_stored(self) -> list[StoredResponse]:
        """All responses to store for a restart."""
        self._evict_expired()
        return [one for one in self._known.values() if one.answer]

    def drain_changes(self) -> list[StoredResponse]:
        """The responses stored since the last call."""
        changes, self._changes = self._changes, []
        return changes

    def begin(self, key: str, fingerprint: str) -> tuple[int, Json] | None:
        """The response to replay, if any; raises if the key is in flight, or of another request."""
        self._evict_expired()
        if len(key) > MAX_KEY_LENGTH:
            raise invalid("Idempotency keys have at most 255 characters.", "parameter_invalid")
        known, request = self._known.get(key), hashlib.sha256(fingerprint.encode()).hexdigest()
        if known is None:
            self._known[key] = StoredResponse(key=key, request=request, since=self._clock())
            return None
        if known.request != request:
            message = "Keys for idempotent requests can only be used with the same parameters."
            raise StripeError(400, "idempotency_error", message)
        if known.answer is None:
            message = "There is currently another in-progress request using this key."
            kind = "invalid_request_error"
            raise StripeError(409, kind, message, code="idempotency_key_in_use")
        return known.answer

    def finish(self, key: str, status: int, body: Json) -> None:
        """Store the response."""
        self._known[key].answer = (status, body)
        self._changes.append(self._known[key])

    def release(self, key: str) -> None:
        """Free the key: nothing was executed."""
        self._known.pop(key, None)

    def _evict_expired(self) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if self._clock() - self._known[oldest].since <= RETENTION_SECONDS:
                return
            del self._known[oldest]
