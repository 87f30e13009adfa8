"""A test is red when it says so itself, and not when it, or what it needs, cannot even run."""

from pathlib import Path

from tests.guarantees.verdict import Verdict, verdict_of, verdicts_of

MADE_UP = """
import pytest

@pytest.fixture
def never_ready():
    assert 1 == 2

def test_that_passes():
    assert 1 == 1

def test_that_finds_something_wrong():
    assert 1 == 2

def test_that_waits_in_vain():
    raise AssertionError("never came true")

def test_that_takes_too_long():
    pytest.fail("Timeout")

def test_with_a_limit_of_its_own():
    raise TimeoutError

@pytest.mark.parametrize("number", [1, 2])
def test_with_one_bad_example(number):
    assert number == 1

def test_with_a_mistake():
    return missing

def test_without_what_it_needs(never_ready):
    assert 1 == 2

def test_that_is_skipped():
    pytest.skip("not here")
"""
RED = {
    "test_that_finds_something_wrong",
    "test_that_waits_in_vain",
    "test_that_takes_too_long",
    "test_with_a_limit_of_its_own",
    "test_with_one_bad_example",
}


def test_a_test_is_red_when_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "test_made_up.py"
    file.write_text(MADE_UP)
    names = [line[4:].partition("(")[0] for line in MADE_UP.splitlines() if "def test_" in line]
    verdicts = verdicts_of([f"{file}::{name}" for name in names])
    expected = dict.fromkeys(names, Verdict.INVALID)
    expected |= dict.fromkeys(RED, Verdict.RED) | {"test_that_passes": Verdict.GREEN}
    assert {
        test.rpartition("::")[2]: verdict for test, (verdict, _) in verdicts.items()
    } == expected


def test_import_error_is_no_verdict(tmp_path: Path) -> None:
    file = tmp_path / "test_made_up.py"
    file.write_text(f"import missing\n{MADE_UP}")
    assert verdict_of(f"{file}::test_that_finds_something_wrong")[0] is Verdict.INVALID
