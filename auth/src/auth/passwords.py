"""Passwords as Argon2id hashes, made off the event loop, and never too many at once."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.errors import Unavailable

PLACES = 128
"""How many requests of one process may be at work with a password; the next one hears 503."""

PLACES_PER_ADDRESS = PLACES // 2
"""How many of them may come from one address, so that one client cannot take all."""

# 19 MiB, 2 passes, 1 lane: OWASP Password Storage Cheat Sheet, Argon2id
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="argon2")
_nobodys_hash = _hasher.hash("there is no account with this address")
_taken: Counter[str] = Counter()


@contextmanager
def place_for(address: str) -> Iterator[None]:
    """The right to work with a password; raises Unavailable when too many do already.

    Hashing is expensive on purpose, and whoever signs up without end, or signs in again and again
    with the right password, guesses nothing that could be counted.
    """
    if _taken.total() >= PLACES or _taken[address] >= PLACES_PER_ADDRESS:
        raise Unavailable("too many passwords at once")
    _taken[address] += 1
    try:
        yield
    finally:
        _taken[address] -= 1
        if not _taken[address]:
            del _taken[address]


async def hash_password(password: str) -> str:
    """A salted hash that holds its own parameters."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password fits; takes the same time when there is no hash to compare with."""
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _verify, password, password_hash
    )


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
