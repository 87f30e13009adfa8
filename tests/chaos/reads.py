"""The reads of users: what a response shows of a ticket, an order or a payment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.history import Answer

from common.mongo import Document

KIND_OF = {"tickets": "ticket", "orders": "order", "payments": "payment"}
GONE = "gone"
"""The status of what is not found."""


@dataclass(frozen=True)
class Read:
    """One entity as one response shows it; the response to a cancellation shows no version."""

    who: str
    asked: datetime
    answered: datetime
    kind: str
    entity: str
    status: str
    version: int | None
    body: Document


def reads(answers: Iterable[Answer]) -> Iterator[Read]:
    """All reads, in the order of the responses; failures show nothing."""
    for answer in answers:
        _, _, collection, *rest = answer.path.partition("?")[0].split("/")
        kind = KIND_OF.get(collection)
        if kind is None:
            continue
        if answer.status in {200, 201, 202}:
            yield from _reads_of(answer, kind)
        elif (answer.method, answer.status) == ("DELETE", 204):
            yield _read(answer, kind, rest[0], "cancelled", {})
        elif (answer.method, answer.status) == ("GET", 404) and rest:
            yield _read(answer, kind, rest[0], GONE, {})


def _reads_of(answer: Answer, kind: str) -> Iterator[Read]:
    for body in answer.body.get("items", [answer.body]):
        if "status" in body:
            entity = body["orderId"] if kind == "payment" else body["id"]
            yield _read(answer, kind, entity, body["status"], body)


def _read(answer: Answer, kind: str, entity: str, status: str, body: Document) -> Read:
    version = body.get("version")
    return Read(answer.who, answer.asked, answer.answered, kind, entity, status, version, body)
