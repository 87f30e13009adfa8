"""Form bodies with nested keys, as Stripe's clients send them: `card[token]=tok_visa`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from devstack.sandbox.errors import invalid

Form = dict[str, Any]


def parse_form(text: str) -> Form:
    """`a[b]=1&c[]=2&c[]=3` -> `{"a": {"b": "1"}, "c": ["2", "3"]}`."""
    form: Form = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        _put(form, re.findall(r"[^\[\]]+|\[\]", key), value)
    return form


def _put(form: Form, path: list[str], value: str) -> None:
    *parents, last = [part for part in path if part != "[]" and not part.isdigit()]
    for parent in parents:
        form = form.setdefault(parent, {})
    if path[-1] == "[]" or path[-1].isdigit():
        form.setdefault(last, []).append(value)
    else:
        form[last] = value


def whole_number(form: Form, name: str, default: int | None = None) -> int:
    """A field that must be an integer."""
    value = form.get(name, default)
    if value is None:
        raise invalid(f"Missing required param: {name}.", "parameter_missing", name)
    if not re.fullmatch(r"-?[0-9]{1,12}", str(value)):
        raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", name)
    return int(value)
