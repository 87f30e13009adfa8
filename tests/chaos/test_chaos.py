"""A short run with everything in it; `make chaos` runs longer ones."""

from pathlib import Path

import pytest
from tests.chaos.report import report
from tests.chaos.run import run
from tests.chaos.sightings import sightings

SEED, SECONDS = 1, 25


@pytest.mark.usefixtures("processes")
async def test_every_promise_is_kept_while_everything_breaks(tmp_path: Path) -> None:
    outcome = await run(SEED, SECONDS, tmp_path)
    assert not outcome.violations, report(outcome)
    assert outcome.faults["service killed"] > 0
    seen = {sighting.status for sighting in sightings(outcome.evidence.answers)}
    assert seen >= {"complete", "captured", "cancelled", "free", "held", "sold"}
