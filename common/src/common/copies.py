"""Keeps copies whole: what was missed is said again, and an id not heard of yet is no 404."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from common.contracts.questions import Question
from common.contracts.subscriptions import REPUBLISHING, retellers_for
from common.measuring import Measure
from common.messaging.bus import Bus
from common.messaging.lost_events import LostEvents
from common.messaging.outbox import Outbox
from common.messaging.questions import Answering
from common.messaging.watermark import CopyWatermark, say_watermark
from common.mongo import Database
from common.republish import Repository, Republisher
from common.republish_runs import Runs
from common.web.arrival import Arrival

CHECKPOINTS = "checkpoints"


class KeptCopies:
    """The side of a service that keeps copies of what an owner (`copies_of`) has."""

    def __init__(self, bus: Bus, service: str, database: Database) -> None:
        self._bus, self._service = bus, service
        owners = retellers_for(service)
        self._lost = LostEvents(bus, service, database.collection(CHECKPOINTS), owners)
        self.workers: Sequence[Callable[[], Awaitable[None]]] = [self._lost.run]
        self.measures: Sequence[Measure] = [self._lost.measure()]

    def arrival_from(self, owner: str) -> Arrival:
        """What that owner made, as far as it has arrived here."""
        watermark = CopyWatermark(self._bus, self._service, owner, self._lost.is_whole)
        return Arrival(watermark.has_passed)


class OwnedAggregates:
    """The side of a service of which others keep copies."""

    def __init__(
        self, bus: Bus, service: str, database: Database, repository: Repository, outbox: Outbox
    ) -> None:
        self._outbox = outbox
        republisher = Republisher(repository, bus, service, Runs(database))
        answers = {Question.REPUBLISH: republisher.answer, Question.WATERMARK: self._watermark}
        self.answering = Answering(bus, service, answers)
        self.workers: Sequence[Callable[[], Awaitable[None]]] = [republisher.run]

    async def _watermark(self, _question: bytes) -> bytes:
        return await say_watermark(self._waiting_since)

    async def _waiting_since(self) -> datetime | None:
        _, since = await self._outbox.backlog()
        return since


def has_copies_elsewhere(service: str) -> bool:
    """Whether other services keep copies of what this one owns."""
    return service in REPUBLISHING
