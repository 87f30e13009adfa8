"""How long people waited: for an answer, and from paying until they were shown the sale."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from tests.chaos.history import Answer
from tests.chaos.sightings import sightings


def answer_waits(answers: Iterable[Answer]) -> Iterator[float]:
    """Seconds, for each request; as long as whoever asked had patience when none came."""
    return ((answer.answered - answer.asked).total_seconds() for answer in answers)


def sale_waits(answers: Iterable[Answer]) -> Iterator[float]:
    """Seconds from the first "paid" to the first "complete" that a buyer is shown of an order."""
    paid: dict[str, datetime] = {}
    done: set[str] = set()
    for seen in sightings(answers):
        if seen.kind == "payment" and seen.status in {"authorized", "captured"}:
            paid.setdefault(seen.entity, seen.answered)
        is_sold = (seen.kind, seen.status) == ("order", "complete") and seen.entity in paid
        if is_sold and seen.entity not in done:
            done.add(seen.entity)
            yield (seen.answered - paid[seen.entity]).total_seconds()
