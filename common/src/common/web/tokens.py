"""The one home of JWT: signing a session and reading it back (EdDSA over Ed25519, RFC 8037)."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import jwt

ALGORITHM = "EdDSA"
ISSUER = "ticketing"
LONGEST = 4096
"""Characters; nothing we sign comes near, so a longer token is not looked at."""
REMEMBERED = 4_096
"""How many tokens each process knows to be intact, as checking a signature costs 0.1 ms."""


@dataclass(frozen=True)
class User:
    """Who is signed in."""

    id: str
    email: str


def sign(user: User, private_key: str, lifetime_seconds: int) -> str:
    """A token that says who the user is, valid from now on for so many seconds."""
    now = datetime.now(UTC)
    claims = {
        "sub": user.id,
        "id": user.id,
        "email": user.email,
        "iss": ISSUER,
        "iat": now,
        "exp": now + timedelta(seconds=lifetime_seconds),
    }
    return jwt.encode(claims, private_key, algorithm=ALGORITHM)


def read(token: str, public_keys: str) -> User | None:
    """The user that a token names; None when it is not ours, not intact or no longer valid.

    `public_keys` is one key in PEM form, or several one after the other: while keys are exchanged,
    a token may be signed with any of them.
    """
    if len(token) > LONGEST:
        return None
    try:
        user, expires = _verified(token, public_keys)
    except jwt.PyJWTError:
        return None
    return user if time.time() < expires else None


@lru_cache(maxsize=REMEMBERED)
def _verified(token: str, public_keys: str) -> tuple[User, float]:
    """Whose token it is, and until when; what is refused is not remembered: it could crowd out."""
    for key in _each(public_keys):
        claims = _claims(token, key)
        if claims and isinstance(claims["email"], str):
            return User(id=claims["sub"], email=claims["email"]), int(claims["exp"])
    raise jwt.InvalidTokenError


@cache
def _each(keys: str) -> list[str]:
    return re.findall("-----BEGIN .+?-----END [^-]+-----", keys, re.DOTALL)


def _claims(token: str, public_key: str) -> dict[str, Any] | None:
    try:
        return jwt.decode(
            token,
            public_key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            options={"require": ["sub", "email", "iss", "iat", "exp"]},
        )
    except jwt.PyJWTError:
        return None
