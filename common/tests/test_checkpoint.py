"""A gap between what was heard and what the stream still has is seen from the numbers alone."""

import pytest

from common.messaging.checkpoint import (
    Checkpoint,
    checkpoint_after_loss,
    describe_loss,
    first_checkpoint,
)
from common.messaging.streams import Progress


def now(
    *,
    stream: str = "one",
    first: int = 1,
    last: int = 50,
    acknowledged: int = 30,
    is_caught_up: bool = False,
    begins_late: str = "",
) -> Progress:
    """What NATS says."""
    return Progress(stream, first, last, acknowledged, is_caught_up, begins_late)


@pytest.mark.parametrize(
    ("progress", "lost"),
    [
        (now(), ""),
        (now(first=31), ""),
        (now(first=30, acknowledged=50), ""),
        (now(first=32), "events 31 to 31 were dropped before orders heard them"),
        (now(first=51, acknowledged=50), "events 31 to 50 were dropped before orders heard them"),
        (now(last=30), ""),
        (now(last=29), "the stream went back from 30 to 29"),
        (now(stream="two"), "the stream was made anew after event 30"),
        (
            now(begins_late="today"),
            "the consumer orders was made anew after event 30, and begins late",
        ),
    ],
)
def test_what_is_missing_is_told(progress: Progress, lost: str) -> None:
    assert describe_loss(Checkpoint("one", 30), progress, "orders") == lost


def test_a_known_late_consumer_is_no_new_loss() -> None:
    known = Checkpoint("one", 30, "today")
    assert describe_loss(known, now(begins_late="today"), "orders") == ""
    assert describe_loss(known, now(begins_late="tomorrow"), "orders") != ""


def test_it_goes_on_with_what_is_acknowledged() -> None:
    assert Checkpoint("one", 20).advanced(now(), 50) == Checkpoint("one", 30)


def test_a_caught_up_consumer_advances_to_the_end() -> None:
    assert Checkpoint("one", 20).advanced(now(is_caught_up=True), 45) == Checkpoint("one", 45)


def test_it_never_goes_back() -> None:
    assert Checkpoint("one", 40).advanced(now(), 0) == Checkpoint("one", 40)


def test_a_drop_before_the_first_checkpoint_is_no_loss() -> None:
    begun = first_checkpoint(now(first=41, acknowledged=0))
    assert begun == Checkpoint("one", 40)
    assert describe_loss(begun, now(first=41, acknowledged=0), "orders") == ""


@pytest.mark.parametrize(
    "progress", [now(first=51, last=50), now(last=3), now(stream="two", first=0, last=0)]
)
def test_a_loss_is_told_once(progress: Progress) -> None:
    assert describe_loss(Checkpoint("one", 30), progress, "orders") != ""
    assert describe_loss(checkpoint_after_loss(progress), progress, "orders") == ""
