"""Answers in JSON whose bytes are made once for each version of what they show."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from fastapi import Response

from common.contracts.events import WireModel

KNOWN = 2_048


class Versioned(Protocol):
    """What changes by becoming another version."""

    @property
    def id(self) -> str:
        """Its identity, for ever."""

    @property
    def version(self) -> int:
        """One more with each change."""


V = TypeVar("V", bound=Versioned)


class JsonAnswer(Response):
    """JSON that is bytes already; the route says in `response_model` what they are."""

    media_type = "application/json"


class Shown(Generic[V]):
    """The JSON of the latest `KNOWN` versions that were shown: a version never changes.

    `show` makes the model that clients see of it. Absent fields are left out.
    """

    def __init__(self, show: Callable[[V], WireModel]) -> None:
        self._show = show
        self._known: dict[tuple[str, int], bytes] = {}

    def one(self, what: V, status: int = 200) -> JsonAnswer:
        """An answer with one of them."""
        return JsonAnswer(self._json(what), status)

    def many(self, all_of_them: Iterable[V], headers: Mapping[str, str]) -> JsonAnswer:
        """An answer with a list of them."""
        return JsonAnswer(b"[%b]" % b",".join(map(self._json, all_of_them)), headers=headers)

    def _json(self, what: V) -> bytes:
        key = (what.id, what.version)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._show(what).model_dump_json(exclude_none=True).encode()
            if len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        return found
