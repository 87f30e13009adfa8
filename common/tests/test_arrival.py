"""Waiting a moment for what was made elsewhere, but never for what was invented."""

import time

import pytest

from common.contracts.ids import new_id
from common.web import arrival as arrival_module
from common.web.arrival import arrival


class Replica:
    """Finds nothing at first."""

    def __init__(self, misses: float) -> None:
        self.looked, self._misses = 0, misses

    async def find(self, identity: str) -> str | None:
        """The identity, after so many misses."""
        self.looked += 1
        return identity if self.looked > self._misses else None


async def test_what_is_there_is_found_at_once() -> None:
    replica, identity = Replica(misses=0), new_id()
    assert await arrival(replica.find, identity) == identity
    assert replica.looked == 1


async def test_what_is_on_its_way_is_waited_for() -> None:
    replica, identity = Replica(misses=3), new_id()
    assert await arrival(replica.find, identity) == identity
    assert replica.looked == 4


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival_module, "PATIENCE_SECONDS", 0.5)
    began = time.monotonic()
    assert await arrival(Replica(misses=1e9).find, new_id()) is None
    assert 0.45 < time.monotonic() - began < 5


@pytest.mark.parametrize("identity", ["a" * 24, "f" * 24, "0" * 24, "abc", "", "%00", "ü" * 24])
async def test_an_invented_id_is_not_waited_for(identity: str) -> None:
    replica = Replica(misses=1e9)
    assert await arrival(replica.find, identity) is None
    assert replica.looked == 1
