"""What a test says: it passes, it misses something, or it does not even run."""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from tests.guarantees.safeguards import run

MISSES = ("AssertionError", "assert ", "Failed: ", "TimeoutError")
"""How a failure begins in which a test says that something is not as it should be."""

SECONDS = 600
"""More than any test takes, with all its examples."""


class Verdict(StrEnum):
    """What a test that ran, or did not, is worth."""

    GREEN = "green"
    RED = "red"
    INVALID = "invalid"


Judged = tuple[Verdict, str]
"""A verdict, and its reason."""


def verdict_of(test: str, places: str = "") -> Judged:
    """Run one test, up to its first failure, with the code that is at these places."""
    return verdicts_of([test], places, "-x")[test]


def verdicts_of(tests: Sequence[str], places: str = "", *options: str) -> dict[str, Judged]:
    """Run tests together."""
    with TemporaryDirectory(prefix="verdict-") as folder:
        report = Path(folder) / "report.xml"
        own = ("-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options)
        try:
            run(places, "pytest", *own, *tests, seconds=SECONDS * len(tests))
        except TimeoutExpired as error:
            return dict.fromkeys(tests, (Verdict.INVALID, str(error)))
        cases = _cases(report.read_text()) if report.exists() else {}
    return {test: _judged(cases.get(test.rpartition("::")[2], [])) for test in tests}


def _cases(report: str) -> dict[str, list[ElementTree.Element]]:
    """All examples of each test, by its name."""
    cases: defaultdict[str, list[ElementTree.Element]] = defaultdict(list)
    for case in ElementTree.fromstring(report).iter("testcase"):  # noqa: S314 - by our own pytest
        cases[case.get("name", "").partition("[")[0]].append(case)
    return cases


def _judged(examples: Sequence[ElementTree.Element]) -> Judged:
    """A failure in the test itself is red if it is the test that says so, not Python."""
    found = [(kind, each) for case in examples for kind in case if (each := kind.get("message"))]
    for element, message in found:
        missed = element.tag == "failure" and message.startswith(MISSES)
        return (Verdict.RED if missed else Verdict.INVALID), f"{element.tag}: {message}"
    return (Verdict.GREEN, "") if examples else (Verdict.INVALID, "it did not run")
