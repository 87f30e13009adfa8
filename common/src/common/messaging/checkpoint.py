"""How far a service has heard the stream, as it remembers it itself.

NATS remembers that too, but moves its own memory along when messages are dropped. Only who keeps
the number elsewhere can tell that something is missing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from common.messaging.streams import Progress


@dataclass(frozen=True)
class Checkpoint:
    """All up to this number of this stream was heard."""

    stream: str
    sequence: int
    begins_late: str = ""
    """For a consumer that does not begin with the oldest message: when it was made."""

    def after(self, now: Progress, last_before: int) -> "Checkpoint":
        """The next one; `last_before` was the stream's end when the consumer was asked."""
        heard = max(now.acknowledged, last_before if now.is_caught_up else 0)
        return Checkpoint(now.stream, max(self.sequence, heard), now.begins_late)


def begin(now: Progress) -> Checkpoint:
    """The first one: what was dropped before a service existed, it does not miss."""
    return Checkpoint(now.stream, max(now.acknowledged, now.first - 1), now.begins_late)


def begin_again(now: Progress) -> Checkpoint:
    """After something was lost: nothing of what is there now counts as lost once more."""
    return Checkpoint(now.stream, max(now.first - 1, 0), now.begins_late)


def what_was_lost(known: Checkpoint, now: Progress, service: str) -> str:
    """Which events the service can never hear any more, in words; empty when there are none."""
    if known.stream != now.stream:
        return f"the stream was made anew after event {known.sequence}"
    if now.last < known.sequence:
        return f"the stream went back from {known.sequence} to {now.last}"
    if now.first > known.sequence + 1:
        gap = f"{known.sequence + 1} to {now.first - 1}"
        return f"events {gap} were dropped before {service} heard them"
    if now.begins_late != known.begins_late and now.begins_late:
        return f"the consumer {service} was made anew after event {known.sequence}, and begins late"
    return ""


def from_document(document: Mapping[str, Any]) -> Checkpoint:
    """As it was stored."""
    return Checkpoint(document["stream"], document["sequence"], document["begins_late"])


def to_document(checkpoint: Checkpoint) -> dict[str, object]:
    """As it is stored."""
    return asdict(checkpoint)
