"""Errors of NATS: which are transient, and how they are described."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError

from common.errors import Refused, Unavailable

# https://github.com/nats-io/nats-server/blob/main/server/errors.json
STREAM_NOT_FOUND = 10059
NO_LEADER = 10008

SERVER_ERROR = 500


class NoResponse(Unavailable):
    """A timeout, or no responders."""


class StreamMissing(Unavailable):
    """The stream has not been declared yet, or was deleted."""


def describe(error: BaseException) -> str:
    """The server's or the library's message, with the server's error code if there is one."""
    if isinstance(error, APIError):
        said = error.description or "JetStream has no responders"
        return f"{said} ({error.err_code})" if error.err_code else said
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error).removeprefix("nats: ").strip() or type(error).__name__


def _is_server_error(error: APIError) -> bool:
    """Whether an error is about the server's state, such as a full disk, not about the request."""
    return error.code is None or error.code >= SERVER_ERROR


@contextmanager
def nats_errors(stream: str, last_error: Callable[[], str]) -> Iterator[None]:
    """Translates NATS' errors into Unavailable; NotFoundError is not translated.

    A missing permission is not an answer to the request: it is reported apart, as `last_error`.
    """
    try:
        yield
    except NotFoundError as error:
        if error.err_code == STREAM_NOT_FOUND:
            raise StreamMissing(f"NATS has no stream {stream} ({STREAM_NOT_FOUND})") from error
        raise
    except APIError as error:
        raise refusal(error, "NATS refuses") from error
    except (NatsError, OSError, TimeoutError) as error:
        raise NoResponse(no_response(error, last_error())) from error


def refusal(error: APIError, what: str) -> Unavailable:
    """The error to raise: a server without a leader, or without JetStream, is an outage."""
    if error.err_code in {None, NO_LEADER}:
        kind: type[Unavailable] = NoResponse
    else:
        kind = Unavailable if _is_server_error(error) else Refused
    return kind(f"{what}: {describe(error)}")


def no_response(error: BaseException, last_error: str) -> str:
    """Why there is no answer, as far as it was reported."""
    said = f"; it said: {last_error}" if last_error else ""
    return f"NATS does not answer: {describe(error)}{said}"
