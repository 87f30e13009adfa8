"""Keeps copies whole: what was missed is said again, and an id not heard of yet is no 404."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from common.contracts.questions import Question
from common.contracts.subscriptions import REPUBLISHING, republishers_for
from common.messaging.bus import Bus
from common.messaging.lost_events import LostEvents
from common.messaging.outbox import Outbox
from common.messaging.questions import Answering
from common.messaging.runtime import Listener
from common.messaging.watermark import CopyWatermark, say_watermark
from common.mongo import Database
from common.republish import Repository, Republisher
from common.republish_runs import Runs
from common.web.arrival import Arrival

CHECKPOINTS = "checkpoints"


class Copies:
    """What a service does for copies: for its own if it hears events, and for others' of it.

    `repository` has `list_after` when other services keep copies of what this one owns.
    """

    def __init__(
        self,
        bus: Bus,
        service: str,
        database: Database,
        repository: Any,
        outbox: Outbox,
        *,
        hears: bool,
    ) -> None:
        self._bus, self._service, self._outbox = bus, service, outbox
        store = database.collection(CHECKPOINTS)
        self._lost = LostEvents(bus, service, store, republishers_for(service))
        self.workers: list[Callable[[], Awaitable[None]]] = [self._lost.run] if hears else []
        self.gauges = [self._lost.gauges()] if hears else []
        self.answering: list[Listener] = []
        if service in REPUBLISHING:
            self._own(repository, Runs(database))

    def _own(self, repository: Repository, runs: Runs) -> None:
        republisher = Republisher(repository, self._bus, self._service, runs)
        answers = {Question.REPUBLISH: republisher.answer, Question.WATERMARK: self._watermark}
        self.answering.append(Answering(self._bus, self._service, answers))
        self.workers.append(republisher.run)

    def arrival_from(self, owner: str) -> Arrival:
        """What that owner made, as far as it has arrived here."""
        watermark = CopyWatermark(self._bus, self._service, owner, self._lost.is_whole)
        return Arrival(watermark.has_passed)

    async def _watermark(self, _question: bytes) -> bytes:
        return await say_watermark(self._waiting_since)

    async def _waiting_since(self) -> datetime | None:
        return (await self._outbox.size()).since
