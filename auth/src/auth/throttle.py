"""The rate limit of signing in, per account and per address (docs/decisions/0008)."""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.domain import TooManyWrongPasswords
from auth.metrics import THROTTLED
from auth.repository import UserRepository
from auth.settings import Settings
from common import clock

KNOWN_ADDRESS_RETENTION = timedelta(days=30)
"""How long an address stays known as one from which the owner signs in."""

IPV6_PREFIX_LENGTH = 64
"""The bits of an IPv6 address that identify the network; a subscriber chooses the rest."""


@dataclass(frozen=True)
class Bucket:
    """A counter of attempts, and its limit."""

    key: str
    limit: int


class Throttle:
    """The rate limit of one attempt to sign in to an account from an address.

    An attempt is counted before the password is verified, so that concurrent attempts all count.
    It is uncounted when the password was right, or when the attempt was refused.
    """

    def __init__(self, users: UserRepository, settings: Settings, email: str, host: str) -> None:
        self._users, self._settings = users, settings
        self._window = timedelta(seconds=settings.signin_failures_window_seconds)
        origin = network_of(host)
        self._known_address_key = _digest("place", email, origin)
        self._pair = Bucket(_digest("pair", email, origin), settings.signin_failures_limit)
        self._shared = [
            Bucket(_digest("address", origin), settings.signin_failures_per_address_limit),
            Bucket(_digest("account", email), settings.signin_failures_per_account_limit),
        ]
        self._counted: list[tuple[Bucket, datetime]] = []

    async def check(self) -> None:
        """Count an attempt; raises TooManyWrongPasswords with the longest time to wait."""
        is_usual = await self._users.is_known_address(self._known_address_key)
        buckets = [self._pair] if is_usual else [self._pair, *self._shared]
        for bucket in buckets:
            count, until = await self._users.count_attempt(bucket.key, self._window)
            self._counted.append((bucket, until))
            if count > bucket.limit:
                await self._uncount()
                THROTTLED.inc()
                raise TooManyWrongPasswords(retry_after=await self._retry_after(buckets))

    async def reset(self) -> None:
        """The password was right: uncount the attempt, and remember the owner's address."""
        await self._uncount()
        await self._users.clear_attempts(self._pair.key)
        await self._users.remember_address(
            self._known_address_key, clock.now() + KNOWN_ADDRESS_RETENTION
        )

    async def _uncount(self) -> None:
        for bucket, until in self._counted:
            await self._users.uncount_attempt(bucket.key, until)

    async def _retry_after(self, buckets: list[Bucket]) -> int:
        limits = {bucket.key: bucket.limit for bucket in buckets}
        attempts, now = await self._users.attempts(list(limits)), clock.now()
        full = [until for key, (count, until) in attempts.items() if count >= limits[key]]
        return max(1, round((max(full, default=now) - now).total_seconds()))


def network_of(host: str) -> str:
    """The part of an address that identifies a client: an IPv4 address, or an IPv6 network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_PREFIX_LENGTH), strict=False))


def _digest(*parts: str) -> str:
    """A pseudonymous key: it shows no address in a log or in a backup.

    As it has no secret, it does not protect from enumerating all addresses.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
