"""How long a server may leave everything unanswered before something is done about it."""

import asyncio

import pytest

from common.errors import Refused, Unavailable
from common.messaging import failure_detector
from common.messaging.failure_detector import FORGOTTEN_SECONDS, OUTAGE_SECONDS, FailureDetector
from common.messaging.nats_errors import NoResponse


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """As `time` has it."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which silences are measured."""
    clock = Clock()
    monkeypatch.setattr(failure_detector, "time", clock)
    return clock


class Asker:
    """Asks again and again, and remembers when that led to something."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began = clock, clock.now
        self.detector = FailureDetector(lambda: self.remedies.append(clock.now - self._began))
        self.remedies: list[float] = []

    def ask(self, seconds: float, outcome: BaseException | None = None) -> None:
        """One question that takes so long."""
        try:
            with self.detector.observe():
                self._clock.now += seconds
                if outcome:
                    raise outcome
        except (Unavailable, asyncio.CancelledError):
            return


def test_remedies_come_with_growing_pauses(clock: Clock) -> None:
    asker = Asker(clock)
    for _ in range(60):
        asker.ask(5.0, NoResponse("no answer in time"))
    assert asker.remedies == [10, 20, 40, 80, 140, 200, 260]
    assert asker.detector.problem == "no answer in time, for 300 s"


@pytest.mark.parametrize("answer", [None, Unavailable("NATS refuses")])
def test_an_answer_of_any_kind_ends_it(clock: Clock, answer: Exception | None) -> None:
    asker = Asker(clock)
    for _ in range(10):
        asker.ask(OUTAGE_SECONDS - 1, NoResponse("no answer in time"))
        asker.ask(1.0, answer)
    assert (asker.remedies, asker.detector.problem) == ([], "")


def test_no_stream_is_an_answer_unless_in_an_outage(clock: Clock) -> None:
    asker = Asker(clock)
    for _ in range(30):
        asker.ask(1.0, Refused("no stream takes it"))
    assert asker.detector.problem == ""
    asker.ask(5.0, NoResponse("no answer in time"))
    for _ in range(5):
        asker.ask(1.0, Refused("no stream takes it"))
    assert asker.detector.problem == "no stream takes it, for 10 s"


def test_old_failures_do_not_count(clock: Clock) -> None:
    asker = Asker(clock)
    for _ in range(10):
        asker.ask(1.0, asyncio.CancelledError())
        asker.ask(5.0, NoResponse("no answer in time"))
        clock.now += FORGOTTEN_SECONDS + 1
    assert (asker.remedies, asker.detector.seconds) == ([], 0)
