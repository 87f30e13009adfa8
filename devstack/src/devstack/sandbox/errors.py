"""Errors in Stripe's format: https://docs.stripe.com/api/errors."""

from typing import ClassVar, TypeAlias

Json: TypeAlias = dict[str, object]


class StripeError(Exception):
    """An error response."""

    executed: ClassVar = False
    """Whether the operation was executed, so that its response is stored under the key."""

    def __init__(self, status: int, kind: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"type": kind, "message": message, **more}}


class Failed(StripeError):
    """The operation was executed, and this is its result."""

    executed: ClassVar = True


def invalid(message: str, code: str, param: str | None = None) -> StripeError:
    """The request is invalid."""
    more = {"param": param} if param else {}
    return StripeError(400, "invalid_request_error", message, code=code, **more)


def impossible(message: str, code: str, **more: object) -> Failed:
    """The request is valid, but not in the present state of the object."""
    return Failed(400, "invalid_request_error", message, code=code, **more)


def missing(what: str, identity: str, param: str, status: int = 400) -> StripeError:
    """There is no such object; 404 for the one in the path, 400 for one in the body."""
    message = f"No such {what}: '{identity}'"
    return StripeError(
        status, "invalid_request_error", message, code="resource_missing", param=param
    )


def broken() -> Failed:
    """A server error."""
    return Failed(500, "api_error", "Something went wrong on Stripe's end.")


def refused(operation: str) -> Failed:
    """An injected rejection: by the bank for a capture, by Stripe for everything else."""
    if operation == "capture":
        code, message = "card_declined", "Your card was declined."
        return Failed(402, "card_error", message, code=code, decline_code="generic_decline")
    return impossible("This was refused on purpose.", "payment_intent_unexpected_state")
