"""The one home of JWT: signing a session and reading it back (EdDSA over Ed25519, RFC 8037)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt

ALGORITHM = "EdDSA"
ISSUER = "ticketing"
LONGEST = 4096
"""Characters; nothing we sign comes near, so a longer token is not looked at."""


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
    for key in _each(public_keys):
        if claims := _claims(token, key):
            email = claims["email"]
            return User(id=claims["sub"], email=email) if isinstance(email, str) else None
    return None


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
