"""Each break still finds the safeguard it takes away."""

import os
from pathlib import Path

import pytest
from tests.chaos.breaks import BREAKS, ROOT, Break, broken


@pytest.mark.parametrize("safeguard", BREAKS, ids=lambda safeguard: safeguard.name)
def test_a_break_takes_its_safeguard_away_from_a_copy(safeguard: Break) -> None:
    whole = (ROOT / safeguard.file).read_text()
    with broken(safeguard) as places:
        copies = [Path(place).parents[1] / safeguard.file for place in places.split(os.pathsep)]
        [copy] = {copy.read_text() for copy in copies}
    assert copy == whole.replace(safeguard.text, safeguard.instead) != whole
    assert (ROOT / safeguard.file).read_text() == whole
