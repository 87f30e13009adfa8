"""A price on its way between dollars and cents: not one of them gets lost."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from common.contracts.events import OrderedTicket
from common.contracts.ids import new_id
from common.contracts.json import parse_json
from common.contracts.money import MAX_CENTS, MIN_CENTS, Price

HUGE = "9" * 4_000


def through_json(cents: int) -> tuple[str, Price]:
    """The number on the wire, and the price that arrives."""
    sent = OrderedTicket(id=new_id(), title="Concert", price=Price(cents)).model_dump_json()
    arrived = OrderedTicket.model_validate(parse_json(sent))
    return sent.rpartition(":")[2].rstrip("}"), arrived.price


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("19.99", 1999),
        ("20", 2000),
        ("20.0", 2000),
        ("20.5", 2050),
        ("0.50", 50),
        ("1.15", 115),
        ("8.61", 861),
        ("2e1", 2000),
        ("1.999e1", 1999),
        ("999999.99", 99_999_999),
        ('"20.00"', 2000),
        ('" 19.99 "', 1999),
        ('"007"', 700),
    ],
)
def test_dollars_become_exact_cents(text: str, cents: int) -> None:
    assert Price.in_dollars(parse_json(text)) == Price(cents)


@pytest.mark.parametrize(
    ("cents", "number"), [(1999, "19.99"), (1950, "19.5"), (2000, "20"), (50, "0.5")]
)
def test_cents_become_a_json_number(cents: int, number: str) -> None:
    assert through_json(cents)[0].rstrip("0").rstrip(".") == number.rstrip("0")


def test_every_small_price_survives_the_wire() -> None:
    for cents in range(MIN_CENTS, 10_000):
        assert through_json(cents)[1] == Price(cents)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(MIN_CENTS, MAX_CENTS))
def test_any_price_survives_the_wire(cents: int) -> None:
    number, arrived = through_json(cents)
    assert arrived == Price(cents)
    assert number == str(cents // 100) or len(number.partition(".")[2]) <= 2


@pytest.mark.parametrize("dollars", [19.99, 20.0, True, False, None, [20], {"$gt": 0}, b"20"])
def test_only_exact_numbers_are_prices(dollars: object) -> None:
    with pytest.raises(ValueError, match="must be a number of US dollars"):
        Price.in_dollars(dollars)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-1",
        "0.49",
        "1000000",
        "19.999",
        "0.505",
        '"1e3"',
        '"-5"',
        '"+5"',
        '"5."',
        '".50"',
        '"1,000"',
        '"1_000"',
        '"0x10"',
        '"NaN"',
        '"Infinity"',
        '"ten"',
        '""',
        '" "',
        '"\\u0661\\u0662"',
        '"\\uff11\\uff12"',
        '"20\\n30"',
    ],
)
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Price.in_dollars(parse_json(text))
    with pytest.raises(ValidationError):
        OrderedTicket.model_validate({"id": new_id(), "title": "", "price": parse_json(text)})


@pytest.mark.parametrize(
    "text", ["1e999999999", "1e-999999999", "-1e99999999999", "0e999999999", HUGE, f'"{HUGE}"']
)
def test_huge_numbers_are_refused_at_once(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ValueError, match="must be"):
        Price.in_dollars(parse_json(text))
    assert time.perf_counter() - began < 2
