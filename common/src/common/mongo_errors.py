"""Errors of MongoDB: which are transient, and how they are described."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from common.errors import Refused, Unavailable

DOCUMENT_TOO_LARGE = frozenset({10334, 17419, 17420})
DUPLICATE = 11000  # https://www.mongodb.com/docs/manual/reference/error-codes/


class ServerState(IntEnum):
    """Error codes that are about the server's state, not the operation: a retry may succeed.

    Some need an operator: a set that is not initiated yet, a changed password or permission.
    """

    USER_NOT_FOUND = 11
    UNAUTHORIZED = 13
    AUTHENTICATION_FAILED = 18
    ROLE_NOT_FOUND = 31
    NOT_YET_INITIALIZED = 94
    KEY_NOT_FOUND = 211
    REAUTHENTICATION_REQUIRED = 391
    HOST_UNREACHABLE = 6
    HOST_NOT_FOUND = 7
    NETWORK_TIMEOUT = 89
    SOCKET_EXCEPTION = 9001
    SHUTDOWN_IN_PROGRESS = 91
    PRIMARY_STEPPED_DOWN = 189
    NOT_WRITABLE_PRIMARY = 10107
    INTERRUPTED_AT_SHUTDOWN = 11600
    INTERRUPTED = 11601
    INTERRUPTED_DUE_TO_REPL_STATE_CHANGE = 11602
    NOT_PRIMARY_NO_SECONDARY_OK = 13435
    NOT_PRIMARY_OR_SECONDARY = 13436
    WRITE_CONCERN_TIMEOUT = 64
    UNKNOWN_REPL_WRITE_CONCERN = 79
    UNSATISFIABLE_WRITE_CONCERN = 100
    FAILED_TO_SATISFY_READ_PREFERENCE = 133
    READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET = 134
    LOCK_TIMEOUT = 24
    MAX_TIME_MS_EXPIRED = 50
    NETWORK_INTERFACE_EXCEEDED_TIME_LIMIT = 202
    EXCEEDED_TIME_LIMIT = 262
    CURSOR_NOT_FOUND = 43
    LOCK_BUSY = 46
    WRITE_CONFLICT = 112
    QUERY_PLAN_KILLED = 175
    CURSOR_KILLED = 237
    TOO_MANY_LOGICAL_SESSIONS = 261
    TOO_MANY_FILES_OPEN = 264
    TEMPORARILY_UNAVAILABLE = 365
    USER_WRITES_BLOCKED = 371
    OUT_OF_DISK_SPACE = 14031


_STATES = frozenset(ServerState)


class DuplicateKey(Exception):
    """A unique index refused a write."""


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Translates the driver's errors into DuplicateKey, Unavailable (transient) and Refused.

    Errors that are defects of ours are not translated.
    """
    try:
        yield
    except DuplicateKeyError as error:
        raise DuplicateKey from error
    except PyMongoError as error:
        if isinstance(error, OperationFailure) and error.code in DOCUMENT_TOO_LARGE:
            raise Refused(describe(error)) from error
        if _is_transient(error):
            raise Unavailable(describe(error)) from error
        raise


def is_server_state(code: int | None) -> bool:
    """Whether an error with this code is about the server's state."""
    return code in _STATES


def _is_transient(error: PyMongoError) -> bool:
    if isinstance(error, ConnectionFailure) or error.timeout:
        return True
    if isinstance(error, OperationFailure) and is_server_state(error.code):
        return True
    if isinstance(error, ConfigurationError):
        return error.__cause__ is not None  # a failed DNS query
    return error.has_error_label("RetryableWriteError")


def describe(error: PyMongoError) -> str:
    """The server's or the driver's message, without the parts that differ each time."""
    if isinstance(error, OperationFailure) and error.details:
        return refusal(
            error.details.get("errmsg", error), error.code, error.details.get("codeName")
        )
    said = str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0]
    return f"MongoDB does not answer: {said or type(error).__name__}"


def refusal(text: object, code: int | None, name: str | None = None) -> str:
    """The server's error message, with the name and number of its code."""
    return f"MongoDB refuses: {text} ({' '.join(str(each) for each in (name, code) if each)})"
