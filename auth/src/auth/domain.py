"""The user, and the domain errors of the auth service."""

from dataclasses import dataclass

from common.contracts.ids import new_id
from common.errors import Conflict, NotAuthenticated, TooManyRequests


class EmailInUse(Conflict):
    """There is an account with this e-mail address."""

    message = "Email in use"


class InvalidCredentials(NotAuthenticated):
    """The same message whether or not the account exists."""

    message = "Invalid credentials"


class TooManyWrongPasswords(TooManyRequests):
    """The rate limit of signing in is exceeded."""

    message = "Too many wrong passwords, try again later"


@dataclass(frozen=True)
class User:
    """An account."""

    id: str
    email: str
    password_hash: str

    @classmethod
    def register(cls, email: str, password_hash: str) -> "User":
        """A new account."""
        return cls(new_id(), email, password_hash)
