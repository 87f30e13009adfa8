"""Password hashing with Argon2id, in worker threads, with a limit on concurrency."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.errors import Unavailable

MAX_CONCURRENT = 128
"""How many requests of one process may hash passwords at once; the next one is answered 503."""

MAX_CONCURRENT_PER_ADDRESS = MAX_CONCURRENT // 2
"""How many of them may come from one address, so that one client cannot use up the limit."""

# 19 MiB, 2 passes, 1 lane: OWASP Password Storage Cheat Sheet, Argon2id
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="argon2")
_nobodys_hash = _hasher.hash("there is no account with this address")
_in_use: Counter[str] = Counter()


@contextmanager
def hashing_slot(address: str) -> Iterator[None]:
    """A slot for hashing one password; raises Unavailable when all slots are in use.

    Backpressure: hashing is expensive on purpose, and requests to sign up, or to sign in with the
    right password, are no failed attempts that the rate limit counts.
    """
    if _in_use.total() >= MAX_CONCURRENT or _in_use[address] >= MAX_CONCURRENT_PER_ADDRESS:
        raise Unavailable("too many passwords at once")
    _in_use[address] += 1
    try:
        yield
    finally:
        _in_use[address] -= 1
        if not _in_use[address]:
            del _in_use[address]


async def hash_password(password: str) -> str:
    """A salted hash, parameters included."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password matches; takes the same time when there is no account."""
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _verify, password, password_hash
    )


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
