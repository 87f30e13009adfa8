"""Each break still finds the safeguard it takes away, and each promise is missed by its tests."""

import os
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from tests.chaos.breaks import BREAKS
from tests.guarantees.breaks_of_sales import UNIQUE_INDEX
from tests.guarantees.promises import promises
from tests.guarantees.safeguards import ROOT, Break, broken, without
from tests.guarantees.table import TABLE

EVERY = sorted({*BREAKS, *(safeguard for row in TABLE.values() for safeguard in row)}, key=str)


@pytest.mark.parametrize("safeguard", EVERY, ids=lambda safeguard: safeguard.name)
def test_a_break_finds_its_safeguard(safeguard: Break) -> None:
    text = without(safeguard)
    assert text != (ROOT / safeguard.file).read_text()
    if safeguard.file.endswith(".py"):
        compile(text, safeguard.file, "exec")


def test_a_safeguard_that_moved_is_named() -> None:
    with pytest.raises(LookupError, match="the unique index: its text is not once in orders"):
        without(replace(UNIQUE_INDEX, text="uniq = True"))


def test_a_break_is_in_a_copy_alone() -> None:
    whole = (ROOT / UNIQUE_INDEX.file).read_text()
    with broken(UNIQUE_INDEX) as places:
        copies = [Path(place).parents[1] / UNIQUE_INDEX.file for place in places.split(os.pathsep)]
        assert {copy.read_text() for copy in copies} == {without(UNIQUE_INDEX)}
    assert (ROOT / UNIQUE_INDEX.file).read_text() == whole


def test_every_break_has_a_name_of_its_own() -> None:
    names = Counter(safeguard.name for safeguard in EVERY)
    assert [name for name, count in names.items() if count > 1] == []


def test_each_promise_and_test_has_a_break() -> None:
    bitten = {promise: {*chain.from_iterable(row.values())} for promise, row in TABLE.items()}
    assert bitten == {promise: set(tests) for promise, tests in promises().items()}
    assert [promise for promise, row in TABLE.items() if not all(row.values())] == []
