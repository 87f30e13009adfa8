"""Refusals in Stripe's own shape: https://docs.stripe.com/api/errors."""

from typing import ClassVar, TypeAlias

Json: TypeAlias = dict[str, object]


class StripeError(Exception):
    """An answer that is not a success."""

    executed: ClassVar = False
    """Whether the operation had begun, so that its idempotency key remembers the answer."""

    def __init__(self, status: int, kind: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"type": kind, "message": message, **more}}


class Failed(StripeError):
    """The operation was tried, and this is its result."""

    executed: ClassVar = True


def invalid(message: str, code: str, param: str | None = None) -> StripeError:
    """The request is wrong, whatever it is about."""
    more = {"param": param} if param else {}
    return StripeError(400, "invalid_request_error", message, code=code, **more)


def impossible(message: str, code: str, **more: object) -> Failed:
    """The request is right, but the object is not in a state for it."""
    return Failed(400, "invalid_request_error", message, code=code, **more)


def missing(what: str, identity: str, param: str, status: int = 400) -> StripeError:
    """There is no such object; 404 for the one in the path, 400 for one in the body."""
    message = f"No such {what}: '{identity}'"
    return StripeError(
        status, "invalid_request_error", message, code="resource_missing", param=param
    )


def broken() -> Failed:
    """It is not the client's fault."""
    return Failed(500, "api_error", "Something went wrong on Stripe's end.")


def refused(operation: str) -> Failed:
    """On purpose: what a bank may say to a capture, or Stripe to anything else."""
    if operation == "capture":
        code, message = "card_declined", "Your card was declined."
        return Failed(402, "card_error", message, code=code, decline_code="generic_decline")
    return impossible("This was refused on purpose.", "payment_intent_unexpected_state")
