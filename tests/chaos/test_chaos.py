"""A short run with everything in it; `make chaos` runs longer ones."""

from pathlib import Path

import pytest
from tests.chaos.reads import reads
from tests.chaos.report import report
from tests.chaos.run import run

SEED, SECONDS = 1, 25
MAJORITY_LOST_FIRST = 0
"""The seed that begins with what loses most, and goes on with a primary that is cut off."""


@pytest.mark.usefixtures("processes")
async def test_promises_hold_under_faults(tmp_path: Path) -> None:
    outcome = await run(SEED, SECONDS, tmp_path)
    assert not outcome.violations, report(outcome)
    assert outcome.faults["service killed"] > 0
    seen = {read.status for read in reads(outcome.observations.answers)}
    assert seen >= {"complete", "captured", "cancelled", "free", "held", "sold"}


@pytest.mark.usefixtures("processes")
@pytest.mark.timeout(300)
async def test_promises_hold_while_members_are_partitioned(tmp_path: Path) -> None:
    faults = ("majority lost, then the primary", "primary cut off")
    outcome = await run(MAJORITY_LOST_FIRST, 40, tmp_path, members=3, until=faults)
    assert not outcome.violations, report(outcome)
    assert any(order["status"] == "complete" for order in outcome.observations.orders.values())
