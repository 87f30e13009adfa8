"""The one home of JWT: signs and verifies sessions (EdDSA over Ed25519, RFC 8037)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any

import jwt

from common import clock

ALGORITHM = "EdDSA"
ISSUER = "ticketing"
MAX_LENGTH = 4096
"""In characters; what we sign is far shorter, so a longer token is not parsed."""
LEEWAY_SECONDS = 5
"""How far the signer's clock may be ahead of ours."""
CACHE_SIZE = 4_096
"""How many verified tokens each process caches, as checking a signature costs 0.1 ms."""


@dataclass(frozen=True)
class Principal:
    """The user that a token identifies."""

    id: str
    email: str


def sign(user: Principal, private_key: str, lifetime_seconds: int) -> str:
    """A token that identifies the user, valid for so many seconds from now."""
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


def verify(token: str, public_keys: str) -> Principal | None:
    """The user that a token identifies; None when it is not ours, forged or expired.

    `public_keys` is one key in PEM form, or several one after the other: during a key
    rotation a token may be signed with any of them.
    """
    if len(token) > MAX_LENGTH:
        return None
    try:
        user, begins, ends = _verified(token, public_keys)
    except jwt.PyJWTError:
        return None
    return user if begins - LEEWAY_SECONDS <= clock.seconds() < ends else None


@lru_cache(maxsize=CACHE_SIZE)
def _verified(token: str, public_keys: str) -> tuple[Principal, float, float]:
    """The user, and from when and until when it is valid (seconds since 1970).

    Failures are not cached: they could evict valid tokens.
    """
    for key in _split_pems(public_keys):
        claims = _claims(token, key)
        if claims and isinstance(claims["email"], str):
            begins, ends = _validity(claims)
            return Principal(id=claims["sub"], email=claims["email"]), begins, ends
    raise jwt.InvalidTokenError


def _validity(claims: dict[str, Any]) -> tuple[float, float]:
    """The period of validity; checked by our own clock, as the library uses the machine's."""
    try:
        begins, begins_too, ends = (float(claims.get(name, 0)) for name in ("iat", "nbf", "exp"))
    except (TypeError, ValueError, OverflowError) as error:
        raise jwt.InvalidTokenError from error
    return max(begins, begins_too), ends


@cache
def _split_pems(keys: str) -> list[str]:
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
