"""Timers: each ends, and none is in two hands at once."""

from collections.abc import Iterator
from datetime import datetime

from tests.chaos.observations import Observations

from expiration.repository import LEASE


def every_timer_ends(observed: Observations) -> Iterator[tuple[str, str]]:
    """Fired or cancelled, one for each order."""
    for order_id in observed.orders:
        state = observed.timers.get(order_id, {}).get("state")
        if state not in {"fired", "cancelled"}:
            yield order_id, f"has a timer that is {state}"


def a_lease_is_exclusive(observed: Observations) -> Iterator[tuple[str, str]]:
    """A timer that is not set anew is claimed again only when the claim before is over."""
    until: dict[str, datetime] = {}
    for write in observed.writes_to("expiration.timers"):
        if write.get("state") == "scheduled":
            until.pop(write.entity, None)
        lease = write.get("leaseUntil")
        if not isinstance(lease, datetime):
            continue
        before = until.get(write.entity)
        if before is not None and lease - LEASE < before:
            yield write.entity, f"was claimed at {lease - LEASE} although leased until {before}"
        until[write.entity] = lease
