"""Domain errors, each with its HTTP status, and errors of infrastructure.

DomainError
|- InvalidInput        400
|- NotAuthenticated    401
|- PaymentRequired     402
|- Forbidden           403
|- NotFound            404
|- Conflict            409
|- UnsupportedMedia    415
`- TooManyRequests     429, with `retry_after` in seconds
Unavailable            503: a server we depend on does not answer or refuses; transient
|- Refused             permanent: it would refuse the same again until somebody changes something
`- Busy                too much of the same thing is pending already
VersionGap             an event arrived before its predecessor; it is redelivered
"""

from typing import ClassVar

from typing_extensions import override


class DomainError(Exception):
    """A request that the rules do not allow; the message is for the client."""

    status: ClassVar[int]
    message: str = ""
    field: str | None = None

    def __init__(self, message: str | None = None, *, field: str | None = None) -> None:
        self.message = message or self.message
        self.field = field or self.field
        super().__init__(self.message)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the response."""
        return {}


class InvalidInput(DomainError):
    """The request is invalid in itself, whatever the state of the system."""

    status = 400


class NotAuthenticated(DomainError):
    """The request has no valid session."""

    status = 401
    message = "Not authorized"


class PaymentRequired(DomainError):
    """The card was declined."""

    status = 402


class Forbidden(DomainError):
    """The signed-in user may not do this."""

    status = 403


class NotFound(DomainError):
    """It does not exist."""

    status = 404
    message = "Not Found"


class Conflict(DomainError):
    """The request is valid, but the state does not allow it."""

    status = 409


class UnsupportedMedia(DomainError):
    """The body has an unsupported media type."""

    status = 415
    message = "Send the body as application/json"


class TooManyRequests(DomainError):
    """A rate limit; `retry_after` is in seconds."""

    status = 429

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after

    @property
    @override
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


class Unavailable(Exception):
    """A server we depend on does not answer, or refuses for a reason of its own: transient."""

    public: ClassVar[str] = "Service unavailable, try again in a moment"
    """What the client is told; the message of the error itself is for the log."""


class Refused(Unavailable):
    """Permanent: the server would refuse the same again until somebody changes something."""


class Busy(Unavailable):
    """Too much of the same thing is pending; retry when some of it is done."""

    public = "Too many changes of this are still on their way, try again in a moment"


class VersionGap(Exception):
    """An event arrived before its predecessor."""
