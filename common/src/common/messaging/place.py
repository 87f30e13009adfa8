"""Where in the stream somebody is who hears it, so that any replica can go on from there."""

import re
from dataclasses import dataclass

from typing_extensions import override

PLACE = re.compile(r"(\w+)-(\d{1,19})-(\d{1,19})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """A place in a stream: after the message of that number, which came there at that time.

    The time (in microseconds, 0 before any message) tells it from a message that got the same
    number after NATS' disk was put back. A place has a text for clients to keep.
    """

    stream: str
    number: int
    time: int = 0

    @classmethod
    def of(cls, text: str) -> "Place":
        """What `str` made of a place; of anything else a place that is nowhere."""
        found = PLACE.fullmatch(text)
        return cls(found[1], int(found[2]), int(found[3])) if found else cls("", -1)

    @override
    def __str__(self) -> str:
        return f"{self.stream}-{self.number}-{self.time}"

    def is_beyond(self, other: "Place") -> bool:
        """Whether it may be of the same stream as the other one, and later in it."""
        return (
            self.stream == other.stream and self.number > other.number and self.time >= other.time
        )
