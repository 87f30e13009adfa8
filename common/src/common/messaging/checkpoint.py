"""The checkpoint of a service: how far it has consumed the stream, stored in its own database.

NATS stores that too, but advances it when messages are dropped. Only a checkpoint that is stored
elsewhere shows the loss.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from common.messaging.streams import Progress


@dataclass(frozen=True)
class Checkpoint:
    """Everything up to this sequence of this stream was consumed."""

    stream: str
    sequence: int
    begins_late: str = ""
    """For a consumer that does not deliver from the oldest message on: when it was created."""

    def advanced(self, now: Progress, last_before: int) -> "Checkpoint":
        """The next checkpoint; `last_before` was the stream's end before the consumer was read."""
        heard = max(now.acknowledged, last_before if now.is_caught_up else 0)
        return Checkpoint(now.stream, max(self.sequence, heard), now.begins_late)


def first_checkpoint(now: Progress) -> Checkpoint:
    """The first checkpoint: what was dropped before a service existed is no loss."""
    return Checkpoint(now.stream, max(now.acknowledged, now.first - 1), now.begins_late)


def checkpoint_after_loss(now: Progress) -> Checkpoint:
    """The checkpoint after a loss: nothing that is there now counts as lost again."""
    return Checkpoint(now.stream, max(now.first - 1, 0), now.begins_late)


def describe_loss(known: Checkpoint, now: Progress, service: str) -> str:
    """Which events the service can never consume any more; empty when there are none."""
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
