"""Idempotency keys with Stripe's rules: https://docs.stripe.com/api/idempotent_requests."""

import hashlib
import time
from collections.abc import Callable, Iterable

from pydantic import BaseModel

from devstack.sandbox.errors import Json, StripeError, invalid

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


class Remembered(BaseModel):
    """The first request with a key, as a digest, and its answer once there is one."""

    key: str
    request: str
    since: float
    answer: tuple[int, Json] | None = None


class IdempotencyKeys:
    """The first answer to a key is repeated, whatever it was, for a day."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: dict[str, Remembered] = {}
        self._news: list[Remembered] = []

    def restore(self, remembered: Iterable[Remembered]) -> None:
        """Know again what was known before a restart; the later one of two counts."""
        for one in remembered:
            self._known.pop(one.key, None)
            self._known[one.key] = one

    def kept(self) -> list[Remembered]:
        """All there is to know again after a restart."""
        self._forget_old_ones()
        return [one for one in self._known.values() if one.answer]

    def take_news(self) -> list[Remembered]:
        """What there is to know since the last time."""
        news, self._news = self._news, []
        return news

    def begin(self, key: str, asked: str) -> tuple[int, Json] | None:
        """The answer to repeat, if any; raises when the key is used for something else or twice."""
        self._forget_old_ones()
        if len(key) > LONGEST_KEY:
            raise invalid("Idempotency keys have at most 255 characters.", "parameter_invalid")
        known, request = self._known.get(key), hashlib.sha256(asked.encode()).hexdigest()
        if known is None:
            self._known[key] = Remembered(key=key, request=request, since=self._clock())
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
        """Remember the answer."""
        self._known[key].answer = (status, body)
        self._news.append(self._known[key])

    def forget(self, key: str) -> None:
        """Nothing was executed."""
        self._known.pop(key, None)

    def _forget_old_ones(self) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if self._clock() - self._known[oldest].since <= KEPT_SECONDS:
                return
            del self._known[oldest]
