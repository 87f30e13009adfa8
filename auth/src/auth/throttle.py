"""How many wrong passwords are too many: for whom, and from where (docs/decisions/0008)."""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.domain import TooManyWrongPasswords
from auth.metrics import THROTTLED
from auth.repository import UserRepository
from auth.settings import Settings
from common import clock

REMEMBERED = timedelta(days=30)
"""How long an address stays one from which an account was used by its owner."""

IPV6_NEIGHBOURS = 64
"""The bits of an IPv6 address that a subscriber cannot choose."""


@dataclass(frozen=True)
class Bucket:
    """What guesses are counted in, and how many may be."""

    key: str
    limit: int


class Throttle:
    """One try to sign in to an account from an address.

    A guess counts before the password is looked at, so that guesses made at once all count. It is
    taken back when the password was right, or when the guess was refused.
    """

    def __init__(self, users: UserRepository, settings: Settings, email: str, host: str) -> None:
        self._users, self._settings = users, settings
        self._window = timedelta(seconds=settings.signin_failures_window_seconds)
        origin = network_of(host)
        self._place = _digest("place", email, origin)
        self._pair = Bucket(_digest("pair", email, origin), settings.signin_failures_limit)
        self._wider = [
            Bucket(_digest("address", origin), settings.signin_failures_per_address_limit),
            Bucket(_digest("account", email), settings.signin_failures_per_account_limit),
        ]
        self._counted: list[tuple[Bucket, datetime]] = []

    async def admit(self) -> None:
        """Count a guess; raises TooManyWrongPasswords, with the longest wait there is."""
        is_usual = await self._users.knows_place(self._place)
        buckets = [self._pair] if is_usual else [self._pair, *self._wider]
        for bucket in buckets:
            count, until = await self._users.count_guess(bucket.key, self._window)
            self._counted.append((bucket, until))
            if count > bucket.limit:
                await self._take_back()
                THROTTLED.inc()
                raise TooManyWrongPasswords(retry_after=await self._wait(buckets))

    async def welcome(self) -> None:
        """The password was right: the guess was none, and this is a place of the owner's."""
        await self._take_back()
        await self._users.forget_guesses(self._pair.key)
        await self._users.remember_place(self._place, clock.now() + REMEMBERED)

    async def _take_back(self) -> None:
        for bucket, until in self._counted:
            await self._users.take_back_guess(bucket.key, until)

    async def _wait(self, buckets: list[Bucket]) -> int:
        limits = {bucket.key: bucket.limit for bucket in buckets}
        guesses, now = await self._users.guesses(list(limits)), clock.now()
        full = [until for key, (count, until) in guesses.items() if count >= limits[key]]
        return max(1, round((max(full, default=now) - now).total_seconds()))


def network_of(host: str) -> str:
    """Who may be one and the same client: an IPv4 address, or a network of IPv6 addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), IPV6_NEIGHBOURS), strict=False))


def _digest(*parts: str) -> str:
    """A name for a counter that shows no address at a glance, in a log or a copy of the data.

    Without a key it is no protection from somebody who tries all addresses.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
