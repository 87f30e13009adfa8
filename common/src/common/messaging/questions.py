"""Answers what other services ask, at whichever replica it arrives."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from common.contracts.questions import Question, subject_of
from common.errors import Unavailable
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.delivery import Inbox

Answer = Callable[[bytes], Awaitable[bytes]]
"""Of the body of a question. Raises Unavailable to say nothing: whoever asked asks again."""

rate_limited = RateLimitedLog(logging.getLogger(__name__))


class Answering:
    """One replica's share of the questions to its service."""

    def __init__(self, bus: Bus, service: str, answers: Mapping[Question, Answer]) -> None:
        self._bus, self._service, self._answers = bus, service, answers
        self._doors: dict[Question, Inbox] = {}

    async def start(self) -> None:
        """Begin to answer; called again after each connection."""
        for question, answer in self._answers.items():
            door = self._doors.get(question)
            if door is None or not door.is_open():
                subject = subject_of(question, self._service)
                self._doors[question] = await self._bus.requests.serve(
                    subject, self._service, self._or_nothing(answer)
                )

    def _or_nothing(self, answer: Answer) -> Callable[[bytes], Awaitable[bytes | None]]:
        async def respond(body: bytes) -> bytes | None:
            try:
                return await answer(body)
            except (Unavailable, ValueError) as error:
                rate_limited.warning("a question is not answered", error=str(error))
                return None

        return respond

    async def stop(self, _seconds: float) -> None:
        """Leave the questions to other replicas."""
        for door in self._doors.values():
            await door.close()
