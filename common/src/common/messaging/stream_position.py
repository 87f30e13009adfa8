"""A position in the stream that clients keep, so that any replica can resume from there."""

import re
from dataclasses import dataclass

from typing_extensions import override

POSITION = re.compile(r"(\w+)-(\d{1,19})-(\d{1,19})", re.ASCII)


@dataclass(frozen=True)
class StreamPosition:
    """The position after the message with this sequence, which was stored at this time.

    The time (in microseconds, 0 before any message) tells it from another message that got the same
    sequence after NATS' disk was restored. `str` makes the text that clients keep.
    """

    stream: str
    sequence: int
    time: int = 0

    @classmethod
    def of(cls, text: str) -> "StreamPosition":
        """Parses what `str` made; any other text is a position that matches none."""
        found = POSITION.fullmatch(text)
        return cls(found[1], int(found[2]), int(found[3])) if found else cls("", -1)

    @override
    def __str__(self) -> str:
        return f"{self.stream}-{self.sequence}-{self.time}"

    def is_beyond(self, other: "StreamPosition") -> bool:
        """Whether it may be of the same stream as the other one, and later in it."""
        is_later = self.sequence > other.sequence and self.time >= other.time
        return self.stream == other.stream and is_later
