"""What services ask each other, beside the events: whoever runs answers, and nothing is kept."""

from enum import StrEnum

from common.contracts.events import WireModel, WireTime


class Question(StrEnum):
    """What can be asked; the wire values are append-only and pinned by a test."""

    WATERMARK = "watermark"
    """Up to when is everything you made in the stream? The answer is a `Watermark`."""
    REPUBLISH = "republish"
    """Say the state of everything once more. A `RepublishRun` is asked for, and answered."""


def subject_of(question: Question, owner: str) -> str:
    """Where a service is asked."""
    return f"ask.{owner}.{question}"


class Watermark(WireModel):
    """The creation of everything that was made until this moment (UTC) is in the stream."""

    moment: WireTime


class RepublishRun(WireModel):
    """One run through everything that a service owns.

    Without a number one is asked for that begins from now on; the answer says its number, with
    which it can be asked for again. `done` says that its last page is in the stream.
    """

    number: int | None = None
    done: bool = False
