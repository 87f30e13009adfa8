"""A cache of serialized JSON: the bytes of each version are made once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from fastapi import Response

from common.contracts.events import WireModel

MAX_ENTRIES = 2_048


class Versioned(Protocol):
    """What has a version; each version is immutable."""

    @property
    def id(self) -> str:
        """Its identity; never changes."""

    @property
    def version(self) -> int:
        """One more with each change."""


V = TypeVar("V", bound=Versioned)


class RawJsonResponse(Response):
    """A response of serialized JSON; the route declares its `response_model`."""

    media_type = "application/json"


class JsonCache(Generic[V]):
    """The JSON of the latest `MAX_ENTRIES` versions that were sent.

    `to_model` makes the model that clients see. Absent fields are left out.
    """

    def __init__(self, to_model: Callable[[V], WireModel]) -> None:
        self._to_model = to_model
        self._entries: dict[tuple[str, int], bytes] = {}

    def response(self, item: V, status: int = 200) -> RawJsonResponse:
        """A response with one item."""
        return RawJsonResponse(self._json(item), status)

    def list_response(self, items: Iterable[V], headers: Mapping[str, str]) -> RawJsonResponse:
        """A response with a list of items."""
        return RawJsonResponse(b"[%b]" % b",".join(map(self._json, items)), headers=headers)

    def _json(self, item: V) -> bytes:
        key = (item.id, item.version)
        found = self._entries.get(key)
        if found is None:
            found = self._entries[key] = (
                self._to_model(item).model_dump_json(exclude_none=True).encode()
            )
            if len(self._entries) > MAX_ENTRIES:
                del self._entries[next(iter(self._entries))]
        return found
