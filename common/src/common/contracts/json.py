"""Reading JSON so that no price ever passes through a float."""

import json
from decimal import Decimal


class MalformedJson(ValueError):
    """The text is not JSON as RFC 8259 defines it."""


def _refuse(constant: str) -> object:
    raise MalformedJson(f"{constant} is not JSON")


def parse_json(text: bytes | str) -> object:
    """The value that a JSON text stands for, its fractions as exact `Decimal`s.

    Raises MalformedJson for anything that is not JSON: `NaN`, `Infinity`, bytes that are not
    UTF-8, nesting or numbers beyond what Python reads.
    """
    try:
        text = text if isinstance(text, str) else text.decode()  # json would guess UTF-16 and -32
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MalformedJson(str(error)) from error
