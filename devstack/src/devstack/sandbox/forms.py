"""Form bodies with nested keys, as Stripe's clients send them: `card[token]=tok_visa`."""

import re
from typing import Self, TypeAlias
from urllib.parse import parse_qsl

from devstack.sandbox.errors import StripeError, invalid

Branch: TypeAlias = "dict[str, str | Branch]"

KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")


class Form:
    """What was sent, to be read as the type that is expected; all else is refused.

    An empty value counts as absent. `c[]=1&c[]=2` and `c[0]=1&c[1]=2` are the same list.
    """

    def __init__(self, sent: Branch, name: str = "") -> None:
        self._sent, self._name = sent, name

    @classmethod
    def parse(cls, text: str) -> Self:
        """`a[b]=1&c[]=2` -> `{"a": {"b": "1"}, "c": {"0": "2"}}`."""
        sent: Branch = {}
        for key, value in parse_qsl(text, keep_blank_values=True):
            if not KEY.fullmatch(key):
                raise _malformed(key)
            _put(sent, key.replace("]", "").split("["), value, key)
        return cls(sent)

    def __contains__(self, name: str) -> bool:
        return bool(self._sent.get(name))

    def text(self, name: str) -> str:
        """A single value; empty when absent."""
        value = self._sent.get(name, "")
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {name}", "parameter_invalid_string", self._path(name))
        return value

    def part(self, name: str) -> "Form":
        """What is nested under a name; empty when absent."""
        value = self._sent.get(name) or {}
        if isinstance(value, str):
            raise invalid("Invalid object", "parameter_invalid_object", self._path(name))
        return Form(value, self._path(name))

    def texts(self, name: str) -> dict[str, str]:
        """Names and values of the client's own choice."""
        part = self.part(name)
        return {key: part.text(key) for key in part._sent}

    def one_of(self, name: str, first: str, *others: str) -> str:
        """One of some words, the first when absent."""
        value = self.text(name) or first
        if value not in {first, *others}:
            raise invalid(f"Invalid {name}: {value}", "parameter_invalid", self._path(name))
        return value

    def whole_number(self, name: str, default: int | None = None) -> int:
        """An integer; required unless there is a default."""
        value = self.text(name)
        if not value and default is not None:
            return default
        if not value:
            raise invalid(f"Missing required param: {name}.", "parameter_missing", name)
        if not re.fullmatch(r"-?[0-9]{1,12}", value):
            raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", name)
        return int(value)

    def _path(self, name: str) -> str:
        return f"{self._name}[{name}]" if self._name else name


def _put(form: Branch, path: list[str], value: str, key: str) -> None:
    *parents, last = path
    for parent in parents:
        deeper = form.setdefault(parent, {})
        if isinstance(deeper, str):
            raise _malformed(key)
        form = deeper
    form[last or str(len(form))] = value


def _malformed(key: str) -> StripeError:
    return invalid(f"Malformed parameter: {key}", "parameter_invalid", key)
