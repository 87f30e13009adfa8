"""Every copy follows its aggregate by one rule."""

import pytest

from common.contracts.versions import Fit, fit


@pytest.mark.parametrize(
    ("version", "onto", "event", "snapshot"),
    [
        (0, None, Fit.NEXT, Fit.NEXT),
        (1, None, Fit.EARLY, Fit.NEXT),
        (0, 0, Fit.KNOWN, Fit.NEXT),
        (1, 0, Fit.NEXT, Fit.NEXT),
        (2, 0, Fit.EARLY, Fit.NEXT),
        (4, 5, Fit.KNOWN, Fit.KNOWN),
        (5, 5, Fit.KNOWN, Fit.NEXT),
        (6, 5, Fit.NEXT, Fit.NEXT),
        (7, 5, Fit.EARLY, Fit.NEXT),
    ],
)
def test_an_event_is_applied_in_its_turn_and_a_snapshot_unless_older(
    version: int, onto: int | None, event: Fit, snapshot: Fit
) -> None:
    assert fit(version, onto=onto, snapshot=None) is event
    assert fit(version, onto=onto, snapshot=True) is snapshot
