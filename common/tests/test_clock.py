"""Replicas agree about the time, whatever their machines say."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.monitoring import ServerHeartbeatSucceededEvent

from common import clock, primary_clock
from common.clock import Clock
from common.mongo import Database
from devstack.counter_service import Tallies, Tally

HOUR = 3600


def wrong() -> float:
    """A machine's clock that is an hour ahead."""
    return time.time() + HOUR


def seconds_off(clock: Clock) -> float:
    """How far it is from the time."""
    return abs(clock.time() - time.time())


def said(ago: float = 0) -> datetime:
    """What an authority said so many seconds ago."""
    return datetime.now(UTC) - timedelta(seconds=ago)


def test_a_machine_is_believed_until_something_was_heard() -> None:
    assert Clock().time() == pytest.approx(time.time(), abs=1)
    assert Clock(wrong).time() == pytest.approx(wrong(), abs=1)
    assert Clock(wrong).machine_ahead == 0


def test_a_machine_that_is_wrong_is_put_right() -> None:
    clock = Clock(wrong)
    clock.observe(said(), "primary")
    assert seconds_off(clock) < 1
    assert clock.machine_ahead == pytest.approx(HOUR, abs=1)


def test_a_small_difference_is_left_alone() -> None:
    def own() -> float:
        return 1_000_000.0

    clock = Clock(own)
    clock.observe(datetime.fromtimestamp(own() + 0.1, UTC), "primary")
    assert clock.time() == own()


def test_a_late_observation_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.clock.MIN_INTERVAL_SECONDS", 0)
    clock = Clock(wrong)
    for late in (0, 30, 10, 20):
        clock.observe(said(late), "primary")
    assert seconds_off(clock) < 1


def test_queued_observations_evict_no_other() -> None:
    clock = Clock(wrong)
    clock.observe(said(), "primary")
    for late in range(100, 10, -10):  # they come at once
        clock.observe(said(late), "primary")
    assert seconds_off(clock) < 1


def test_a_new_primary_that_is_ahead_counts_at_once() -> None:
    clock = Clock(wrong)
    clock.observe(said(300), "first")
    clock.observe(said(), "second")
    assert seconds_off(clock) < 1


def test_one_word_of_another_primary_puts_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.clock.MIN_INTERVAL_SECONDS", 0)
    clock = Clock(wrong)
    clock.observe(said(), "first")
    clock.observe(said(300), "second")
    assert seconds_off(clock) < 1
    clock.observe(said(300), "second")
    assert seconds_off(clock) == pytest.approx(300, abs=1)


def test_a_late_first_observation_leaves_a_right_machine_alone() -> None:
    for waited, off in ((5, 0), (0, 3)):
        clock = Clock()
        clock.observe(said(3), "primary", waited)
        assert seconds_off(clock) == pytest.approx(off, abs=1)


async def test_the_first_heartbeat_knows_its_delay(
    mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Clock()
    monkeypatch.setattr(clock, "service", heard)
    answered = primary_clock.PrimaryClock.succeeded

    def answered_late(it: primary_clock.PrimaryClock, event: ServerHeartbeatSucceededEvent) -> None:
        time.sleep(1)  # as a thread that does not get its turn
        answered(it, event)

    monkeypatch.setattr(primary_clock.PrimaryClock, "succeeded", answered_late)
    database = Database(mongo_uri)
    await Tallies(database).prepare()
    database.close()
    assert heard.machine_ahead > 1
    assert seconds_off(heard) < 0.5


@pytest.fixture
def skewed_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The machine of this process is an hour ahead."""
    monkeypatch.setattr(clock, "service", Clock(wrong))
    return clock.service


async def test_the_clock_is_synchronized_before_the_first_write(
    skewed_clock: Clock,
    mongo_uri: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(primary_clock.rate_limited, "_silent_until", {})
    database, tally = Database(mongo_uri), Tally.new()
    tallies = Tallies(database)
    await tallies.prepare()  # as a service does, before it serves anybody
    await tallies.add(tally)
    document = await tallies.collection.find_one({"_id": tally.id})
    database.close()
    assert document
    assert abs(datetime.now(UTC) - document["outboxSince"]) < timedelta(seconds=HOUR / 2)
    assert skewed_clock.machine_ahead == pytest.approx(HOUR, abs=60)
    [told] = [each for each in caplog.records if each.message == "clocks differ"]
    assert told.__dict__["machine_ahead_seconds"] == pytest.approx(HOUR, abs=60)
