"""Reads a header in a middleware without constructing an object for each request."""

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str:
    """The first header of that name, which is in lower case; empty when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""
