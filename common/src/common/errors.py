"""Kinds of refusal, each with the HTTP status that it means, and what infrastructure may do.

Refusal
|- InvalidInput        400
|- NotAuthenticated    401
|- PaymentRequired     402
|- Forbidden           403
|- NotFound            404
|- Conflict            409
|- UnsupportedMedia    415
`- TooManyRequests     429, with `retry_after` in seconds
Unavailable            503: a server we depend on is silent or refuses; trying again may heal it
|- Refused             it would refuse the same again until somebody changes something
`- Busy                too much of the same thing waits already
VersionGap             an event came before its predecessor; it is delivered again
"""

from typing import ClassVar

from typing_extensions import override


class Refusal(Exception):
    """A request that the rules do not allow; the message is for the person who made it."""

    status: ClassVar[int]
    message: ClassVar[str] = ""
    field: ClassVar[str | None] = None

    def __init__(self, message: str | None = None, *, field: str | None = None) -> None:
        self.text = message or self.message
        self.about = field or self.field
        super().__init__(self.text)

    @property
    def headers(self) -> dict[str, str]:
        """What the answer carries besides its body."""
        return {}


class InvalidInput(Refusal):
    """The request is wrong in itself, whatever the state of the system."""

    status = 400


class NotAuthenticated(Refusal):
    """Nobody is signed in."""

    status = 401
    message = "Not authorized"


class PaymentRequired(Refusal):
    """The card was declined."""

    status = 402


class Forbidden(Refusal):
    """Somebody is signed in, but not the one who may do this."""

    status = 403


class NotFound(Refusal):
    """There is no such thing."""

    status = 404
    message = "Not Found"


class Conflict(Refusal):
    """The request is fine, the state of things does not allow it."""

    status = 409


class UnsupportedMedia(Refusal):
    """The body is of a kind that no route reads."""

    status = 415
    message = "Send the body as application/json"


class TooManyRequests(Refusal):
    """Too often; `retry_after` says in how many seconds to come back."""

    status = 429

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after

    @property
    @override
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


class Unavailable(Exception):
    """A server we depend on does not answer, or refuses for a reason of its own."""

    public: ClassVar[str] = "Service unavailable, try again in a moment"
    """What the person who asked is told; what the error itself says is for us."""


class Refused(Unavailable):
    """The server would refuse the same again until somebody changes something."""


class Busy(Unavailable):
    """Too much of the same thing waits to be done; there is room when some of it is."""

    public = "Too many changes of this are still on their way, try again in a moment"


class VersionGap(Exception):
    """An event came before its predecessor."""
