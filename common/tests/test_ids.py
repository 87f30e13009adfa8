"""Ids that sort by the moment they were made."""

import time

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.ids import Id, age_of, is_id, new_id

FIELD = TypeAdapter(Id)


def test_ids_sort_by_time() -> None:
    made = []
    for _ in range(5):
        made.append(new_id())
        time.sleep(0.001)
    assert made == sorted(made)


def test_ids_do_not_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_an_id_has_the_form_of_one() -> None:
    identity = new_id()
    assert is_id(identity)
    assert FIELD.validate_python(identity) == identity


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "a" * 23,
        "a" * 25,
        "A" * 24,
        "g" * 24,
        "a" * 24 + "\n",
        " " + "a" * 23,
        "\u0661" * 24,
    ],
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(ValidationError):
        FIELD.validate_python(text)


def test_an_id_knows_its_age() -> None:
    identity = new_id()
    assert 0 <= age_of(identity) < 1
    an_hour_earlier = f"{int(identity[:14], 16) - 3_600_000_000:014x}{identity[14:]}"
    assert age_of(an_hour_earlier) == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("identity", ["0" * 24, "f" * 24])
def test_the_age_of_a_strange_id_is_harmless(identity: str) -> None:
    assert abs(age_of(identity)) > 3600
