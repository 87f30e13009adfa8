"""What one person was shown of a ticket, an order or a payment, taken from the answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.history import Answer

from common.mongo import Document

KIND_OF = {"tickets": "ticket", "orders": "order", "payments": "payment"}
GONE = "gone"
"""The status of what is not found."""


@dataclass(frozen=True)
class Sighting:
    """One thing as one answer shows it; the answer to a cancellation shows no version."""

    who: str
    asked: datetime
    answered: datetime
    kind: str
    entity: str
    status: str
    version: int | None
    body: Document


def sightings(answers: Iterable[Answer]) -> Iterator[Sighting]:
    """Everything that people were shown, in the order of the answers; failures show nothing."""
    for answer in answers:
        _, _, collection, *rest = answer.path.partition("?")[0].split("/")
        kind = KIND_OF.get(collection)
        if kind is None:
            continue
        if answer.status in {200, 201, 202}:
            yield from _shown(answer, kind)
        elif (answer.method, answer.status) == ("DELETE", 204):
            yield _sighting(answer, kind, rest[0], "cancelled", {})
        elif (answer.method, answer.status) == ("GET", 404) and rest:
            yield _sighting(answer, kind, rest[0], GONE, {})


def _shown(answer: Answer, kind: str) -> Iterator[Sighting]:
    for body in answer.body.get("items", [answer.body]):
        if "status" in body:
            entity = body["orderId"] if kind == "payment" else body["id"]
            yield _sighting(answer, kind, entity, body["status"], body)


def _sighting(answer: Answer, kind: str, entity: str, status: str, body: Document) -> Sighting:
    version = body.get("version")
    return Sighting(answer.who, answer.asked, answer.answered, kind, entity, status, version, body)
