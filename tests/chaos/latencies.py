"""Latencies that users see: of responses, and from paying until the order is complete."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from tests.chaos.history import Answer
from tests.chaos.reads import reads


def response_times(answers: Iterable[Answer]) -> Iterator[float]:
    """Seconds, for each request; as long as whoever asked had patience when none came."""
    return ((answer.answered - answer.asked).total_seconds() for answer in answers)


def sale_latencies(answers: Iterable[Answer]) -> Iterator[float]:
    """Seconds from the first "paid" to the first "complete" that a buyer is shown of an order."""
    paid: dict[str, datetime] = {}
    done: set[str] = set()
    for seen in reads(answers):
        if seen.kind == "payment" and seen.status in {"authorized", "captured"}:
            paid.setdefault(seen.entity, seen.answered)
        is_sold = (seen.kind, seen.status) == ("order", "complete") and seen.entity in paid
        if is_sold and seen.entity not in done:
            done.add(seen.entity)
            yield (seen.answered - paid[seen.entity]).total_seconds()
