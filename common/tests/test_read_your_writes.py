"""Waiting a moment for what was made elsewhere, but never for what was invented."""

import time
from datetime import datetime

import pytest

from common.contracts.ids import new_id
from common.web import read_your_writes
from common.web.read_your_writes import EventuallyConsistent, ReadYourWrites
from devstack.owner import id_created_ago

OLD = id_created_ago(60)


class Replica:
    """Finds nothing at first."""

    def __init__(self, misses: float) -> None:
        self.looked, self._misses = 0, misses

    async def find(self, identity: str) -> str | None:
        """The identity, after so many misses."""
        self.looked += 1
        return identity if self.looked > self._misses else None


class Owner:
    """Whose events have been heard, or have not."""

    def __init__(self, *, is_heard: bool) -> None:
        self.asked, self._is_heard = list[datetime](), is_heard

    async def has_passed(self, moment: datetime) -> bool:
        """What the copies' watermark says."""
        self.asked.append(moment)
        return self._is_heard


async def test_what_is_there_is_found_at_once() -> None:
    replica, owner, identity = Replica(misses=0), Owner(is_heard=False), new_id()
    assert await ReadYourWrites(owner.has_passed).find(replica.find, identity) == identity
    assert (replica.looked, owner.asked) == (1, [])


async def test_what_is_on_its_way_is_waited_for() -> None:
    replica, owner, identity = Replica(misses=3), Owner(is_heard=False), new_id()
    assert await ReadYourWrites(owner.has_passed).find(replica.find, identity) == identity
    assert (replica.looked, owner.asked) == (4, [])


async def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_your_writes, "REPLICATION_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(EventuallyConsistent):
        await ReadYourWrites(Owner(is_heard=False).has_passed).find(
            Replica(misses=1e9).find, new_id()
        )
    assert 0.45 < time.monotonic() - began < 5


async def test_what_all_was_heard_of_does_not_exist() -> None:
    replica, owner = Replica(misses=1e9), Owner(is_heard=True)
    assert await ReadYourWrites(owner.has_passed).find(replica.find, OLD) is None
    assert len(owner.asked) == 1


async def test_an_old_id_beyond_the_watermark_may_exist() -> None:
    with pytest.raises(EventuallyConsistent, match=OLD):
        await ReadYourWrites(Owner(is_heard=False).has_passed).find(Replica(misses=1e9).find, OLD)


async def test_what_arrives_during_the_request_is_found() -> None:
    replica = Replica(misses=1)
    assert await ReadYourWrites(Owner(is_heard=True).has_passed).find(replica.find, OLD) == OLD


@pytest.mark.parametrize("identity", ["a" * 24, "f" * 24, "abc", "", "%00", "ü" * 24])
async def test_an_invented_id_is_not_waited_for(identity: str) -> None:
    replica, owner = Replica(misses=1e9), Owner(is_heard=False)
    assert await ReadYourWrites(owner.has_passed).find(replica.find, identity) is None
    assert owner.asked == []
