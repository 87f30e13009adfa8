"""A price: US dollars on the wire, integer cents everywhere inside."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

MIN_CENTS = 50  # the least that Stripe charges: https://docs.stripe.com/currencies
MAX_CENTS = 999_999_99

_DOLLARS = re.compile(r"^[0-9]{1,9}(?:\.[0-9]{1,2})?$", re.ASCII)


@dataclass(frozen=True, order=True)
class Price:
    """What a ticket costs, in cents of a US dollar."""

    cents: int

    @classmethod
    def in_dollars(cls, dollars: object) -> Self:
        """The price that an `int`, a `Decimal` or a plain string like "20.00" means.

        Raises ValueError for anything else (a `float` has lost its digits already, so it is
        refused too), for more than two decimals and for an amount that cannot be charged.
        """
        if isinstance(dollars, bool) or not isinstance(dollars, int | Decimal | str):
            raise ValueError("must be a number of US dollars")  # noqa: TRY004 - pydantic's wish
        text = _plain(dollars) if isinstance(dollars, Decimal) else str(dollars).strip()
        if not _DOLLARS.fullmatch(text):
            raise ValueError("must be a number of US dollars with at most two decimals")
        whole, _, fraction = text.partition(".")
        cents = int(whole) * 100 + int(fraction.ljust(2, "0"))
        if not MIN_CENTS <= cents <= MAX_CENTS:
            raise ValueError("must be from 0.50 to 999999.99 US dollars")
        return cls(cents)

    @property
    def dollars(self) -> int | float:
        """The JSON number: 1999 cents print as 19.99, 2000 as 20.

        Nothing computes with it: it exists so that the JSON encoder writes the right digits.
        """
        whole, rest = divmod(self.cents, 100)
        return float(f"{whole}.{rest:02d}") if rest else whole


def _plain(dollars: Decimal) -> str:
    """The digits of a decimal without an exponent; "" when that would not be a price anyway."""
    reasonable = dollars.is_finite() and abs(dollars.adjusted()) < 20
    return format(dollars, "f") if reasonable else ""


def _from_wire(value: object) -> Price:
    return value if isinstance(value, Price) else Price.in_dollars(value)


def _to_wire(price: Price) -> int | float:
    return price.dollars


_NUMBER = {
    "type": "number",
    "minimum": MIN_CENTS / 100,
    "maximum": MAX_CENTS / 100,
    "description": "US dollars, at most two decimals",
    "examples": [19.99],
}
_TEXT = {"type": "string", "pattern": _DOLLARS.pattern, "examples": ["19.99"]}

Dollars = Annotated[
    Price,
    BeforeValidator(_from_wire),
    PlainSerializer(_to_wire, return_type=int | float),
    WithJsonSchema({"anyOf": [_NUMBER, _TEXT]}, mode="validation"),
    WithJsonSchema(_NUMBER, mode="serialization"),
]
"""A model's field that is a number of dollars in JSON and a `Price` as an attribute."""
