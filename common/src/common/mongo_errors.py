"""What can go wrong in MongoDB, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConnectionFailure, DuplicateKeyError, PyMongoError

from common.errors import Unavailable


class DuplicateKey(Exception):
    """A unique index refused a write."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises DuplicateKey, or Unavailable for what passes; a defect stays what it is."""
    try:
        yield
    except DuplicateKeyError as error:
        raise DuplicateKey from error
    except PyMongoError as error:
        passing = isinstance(error, ConnectionFailure) or error.timeout
        if passing or error.has_error_label("RetryableWriteError"):
            raise Unavailable("MongoDB does not answer") from error
        raise
