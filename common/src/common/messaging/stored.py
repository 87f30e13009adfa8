"""A message as a stream keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StoredMessage:
    """A message as a stream keeps it; its number is its sequence there."""

    number: int
    subject: str
    body: bytes
    headers: Mapping[str, str]


def headers_in(block: bytes) -> dict[str, str]:
    """As the library reads them in a delivery; in a stored one it takes them for a mail's."""
    lines = [line.partition(b":") for line in block.split(b"\r\n")[1:]]
    return {
        name.decode(errors="replace"): text.strip().decode(errors="replace")
        for name, colon, text in lines
        if colon
    }
