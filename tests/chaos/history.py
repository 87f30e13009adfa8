"""What people were told while everything broke: every request with its answer, or without one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from httpx import AsyncClient, HTTPError

from common.mongo import Document

NO_ANSWER = 0


@dataclass(frozen=True)
class Answer:
    """One request and what came back; status 0 when nothing did, so that anything may be true."""

    asked: datetime
    answered: datetime
    who: str
    method: str
    path: str
    sent: Document
    status: int
    body: Document

    @property
    def is_unknown(self) -> bool:
        """Whether the request may or may not have had its effect."""
        return self.status == NO_ANSWER or self.status >= 500

    def mentions(self, entity: str) -> bool:
        """Whether it is about the ticket or order with this id."""
        return entity in self.path or entity in f"{self.sent}{self.body}"


@dataclass
class History:
    """All answers, in the order they came."""

    answers: list[Answer] = field(default_factory=list)

    async def ask(
        self, client: AsyncClient, who: str, method: str, path: str, sent: Document | None = None
    ) -> Answer:
        """Send a request and remember what came of it."""
        asked = datetime.now(UTC)
        try:
            answer = await client.request(method, path, json=sent)
            status, body = answer.status_code, answer.json() if answer.content else {}
        except (HTTPError, ValueError) as error:  # cut off, or cut short
            status, body = NO_ANSWER, {"error": repr(error)}
        told = body if isinstance(body, dict) else {"items": body}
        answered = datetime.now(UTC)
        self.answers.append(Answer(asked, answered, who, method, path, sent or {}, status, told))
        return self.answers[-1]
