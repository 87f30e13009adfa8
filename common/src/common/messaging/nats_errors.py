"""What can go wrong at NATS, in NATS' own words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError

from common.errors import Refused, Unavailable

# https://github.com/nats-io/nats-server/blob/main/server/errors.json
STREAM_NOT_FOUND = 10059
NO_LEADER = 10008

SERVER_ERROR = 500


class Silent(Unavailable):
    """Nobody answered: not in time, or because nobody is there who could."""


class StreamMissing(Unavailable):
    """Nobody has declared the stream yet, or somebody deleted it."""


def describe(error: BaseException) -> str:
    """What a server or the library says, with the server's code if there is one."""
    if isinstance(error, APIError):
        said = error.description or "JetStream has no responders"
        return f"{said} ({error.err_code})" if error.err_code else said
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error).removeprefix("nats: ").strip() or type(error).__name__


def _is_server_error(error: APIError) -> bool:
    """Whether a refusal is about the server's state, such as a full disk, not what it was asked."""
    return error.code is None or error.code >= SERVER_ERROR


@contextmanager
def nats_errors(stream: str, last_error: Callable[[], str]) -> Iterator[None]:
    """Raises Unavailable with NATS' words; not found stays what it is: the caller knows of what.

    A refusal for want of a permission is no answer: it comes apart, as `last_error`.
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
        raise Silent(silence(error, last_error())) from error


def refusal(error: APIError, what: str) -> Unavailable:
    """What to raise for it: a server without a leader to ask, or without JetStream, is silent."""
    if error.err_code in {None, NO_LEADER}:
        kind: type[Unavailable] = Silent
    else:
        kind = Unavailable if _is_server_error(error) else Refused
    return kind(f"{what}: {describe(error)}")


def silence(error: BaseException, last_error: str) -> str:
    """Why there is no answer, as far as anybody said."""
    said = f"; it said: {last_error}" if last_error else ""
    return f"NATS does not answer: {describe(error)}{said}"
