"""What docs/guarantees.md promises, and the tests that it names for each promise."""

import re

from tests.guarantees.safeguards import ROOT

NAMED = re.compile(r"`([\w/]+\.py::(\w+))`")


def promises() -> dict[str, dict[str, str]]:
    """For each row of the table its tests: where each is, by its name."""
    lines = (ROOT / "docs/guarantees.md").read_text().splitlines()
    _, *rows = [line.split(" | ") for line in lines if line.startswith("| ")]
    return {
        promise.removeprefix("| "): {name: place for place, name in NAMED.findall(tests)}
        for promise, *_, tests in rows
    }
