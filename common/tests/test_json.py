"""Reading JSON: exact fractions, and nothing that is not JSON."""

import time
from decimal import Decimal

import pytest

from common.contracts.json import MalformedJson, parse_json


def test_fractions_stay_exact() -> None:
    assert parse_json('{"a": 0.1, "b": [1e2, 3], "c": "x"}') == {
        "a": Decimal("0.1"),
        "b": [Decimal("1e2"), 3],
        "c": "x",
    }


@pytest.mark.parametrize("text", ["null", b"null", " null\n", b"\tnull"])
def test_text_and_bytes_are_read(text: str | bytes) -> None:
    assert parse_json(text) is None


def test_text_beyond_ascii_is_read() -> None:
    assert parse_json('"Käthe 🎟"'.encode()) == "Käthe 🎟"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": 1,}',
        "1 2",
        "NaN",
        "-Infinity",
        '{"price": NaN}',
        "01",
        '"a\nb"',
        b"\xff",
        b'"\xc3"',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32-le"),
    ],
)
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000, "9" * 60_000, "1e" + "9" * 60_000],
)
def test_what_python_cannot_hold_is_refused_at_once(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(MalformedJson):
        parse_json(text)
    assert time.perf_counter() - began < 2
