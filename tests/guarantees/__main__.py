"""`python -m tests.guarantees` takes one safeguard away at a time: its named tests must go red."""

import argparse
import sys
from collections.abc import Iterator

from tests.guarantees.promises import promises
from tests.guarantees.safeguards import Break, broken
from tests.guarantees.table import TABLE
from tests.guarantees.verdict import Verdict, verdict_of, verdicts_of

Case = tuple[str, Break, str]
"""A promise, a safeguard of it, and where a test is that must miss it."""


def main() -> int:
    """Run each case; the exit code says whether every safeguard was missed by its tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.guarantees", description=__doc__)
    parser.add_argument("--only", default="", help="promises, safeguards, tests with this in them")
    only = parser.parse_args().only
    chosen = [case for case in cases() if only in " ".join((case[0], case[1].name, case[2]))]
    green = _green({test for *_, test in chosen})
    missed = [_is_missed(safeguard, test) for _, safeguard, test in chosen if test in green]
    print(f"{sum(missed)} of {len(chosen)} times a test missed its safeguard")
    return 0 if chosen and sum(missed) == len(chosen) else 1


def cases() -> Iterator[Case]:
    """Every safeguard with each of the tests that must miss it, promise by promise."""
    tests = promises()
    for promise, row in TABLE.items():
        for safeguard, names in row.items():
            yield from ((promise, safeguard, tests[promise][name]) for name in names)


def _green(tests: set[str]) -> set[str]:
    """The tests that pass as long as nothing is broken."""
    verdicts = verdicts_of(sorted(tests))
    for test, (verdict, reason) in verdicts.items():
        if verdict is not Verdict.GREEN:
            print(f"{test} is {verdict} before anything is broken: {reason[:300]}", flush=True)
    return {test for test, (verdict, _) in verdicts.items() if verdict is Verdict.GREEN}


def _is_missed(safeguard: Break, test: str) -> bool:
    with broken(safeguard) as places:
        verdict, reason = verdict_of(test, places)
    print(f"without {safeguard.name}: {test}: {verdict}: {reason[:150]!r}", flush=True)
    return verdict is Verdict.RED


if __name__ == "__main__":
    sys.exit(main())
