"""The one home of JWT: signing a session and reading it back (EdDSA over Ed25519, RFC 8037)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any

import jwt

from common import clock

ALGORITHM = "EdDSA"
ISSUER = "ticketing"
LONGEST = 4096
"""Characters; nothing we sign comes near, so a longer token is not looked at."""
EARLY_SECONDS = 5
"""How far the clock of whoever signed may be ahead of ours."""
REMEMBERED = 4_096
"""How many tokens each process knows to be intact, as checking a signature costs 0.1 ms."""


@dataclass(frozen=True)
class User:
    """Who is signed in."""

    id: str
    email: str


def sign(user: User, private_key: str, lifetime_seconds: int) -> str:
    """A token that says who the user is, valid from now on for so many seconds."""
    now = clock.now()
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
        user, begins, ends = _verified(token, public_keys)
    except jwt.PyJWTError:
        return None
    return user if begins - EARLY_SECONDS <= clock.seconds() < ends else None


@lru_cache(maxsize=REMEMBERED)
def _verified(token: str, public_keys: str) -> tuple[User, float, float]:
    """Whose token it is, from when and until when (seconds since 1970).

    What is refused is not remembered: it could crowd out.
    """
    for key in _each(public_keys):
        claims = _claims(token, key)
        if claims and isinstance(claims["email"], str):
            begins, ends = _term(claims)
            return User(id=claims["sub"], email=claims["email"]), begins, ends
    raise jwt.InvalidTokenError


def _term(claims: dict[str, Any]) -> tuple[float, float]:
    """By our own clock it is decided whether now is in it: the library would ask the machine's."""
    try:
        begins, begins_too, ends = (float(claims.get(name, 0)) for name in ("iat", "nbf", "exp"))
    except (TypeError, ValueError, OverflowError) as error:
        raise jwt.InvalidTokenError from error
    return max(begins, begins_too), ends


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
            options={
                "require": ["sub", "email", "iss", "iat", "exp"],
                "verify_iat": False,
                "verify_nbf": False,
                "verify_exp": False,
            },
        )
    except jwt.PyJWTError:
        return None
