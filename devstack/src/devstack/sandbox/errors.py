"""Refusals in Stripe's own shape: https://docs.stripe.com/api/errors."""

from typing import Any


class StripeError(Exception):
    """An answer that is not a success; `object` goes along when a card was declined."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}

    @property
    def is_result(self) -> bool:
        """Whether the operation was executed, so that its idempotency key remembers it."""
        return self.status in {402, 500}


def invalid(message: str, code: str, param: str | None = None) -> StripeError:
    """The request is wrong."""
    more = {"param": param} if param else {}
    return StripeError(400, "invalid_request_error", message, code=code, **more)


def missing(what: str, identity: str, param: str, status: int = 404) -> StripeError:
    """There is no such object; 404 for the one in the path, 400 for one in the body."""
    message = f"No such {what}: '{identity}'"
    return StripeError(
        status, "invalid_request_error", message, code="resource_missing", param=param
    )
