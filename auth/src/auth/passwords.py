"""Passwords as Argon2id hashes, made off the event loop."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, 2 passes, 1 lane: OWASP Password Storage Cheat Sheet, Argon2id
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="argon2")
_nobodys_hash = _hasher.hash("there is no account with this address")


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
