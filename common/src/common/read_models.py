"""Read models: repaired when events were lost, and consulted until they have caught up."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from common.contracts.requests import ServiceRequest
from common.contracts.subscriptions import REPUBLISHING, republishers_for
from common.messaging.bus import Bus
from common.messaging.lost_events import LostEvents
from common.messaging.outbox import Outbox
from common.messaging.responder import Responder
from common.messaging.runtime import Listener
from common.messaging.watermark import ReadModelWatermark, watermark_reply
from common.mongo import Database
from common.republish import Repository, Republisher
from common.republish_runs import Runs
from common.web.read_your_writes import ReadYourWrites

CHECKPOINTS = "checkpoints"


class ReadModels:
    """What a service does for its own read models, if it subscribes to events, and for others'.

    `repository` has `list_after` when other services keep read models of what this one owns.
    """

    def __init__(
        self,
        bus: Bus,
        service: str,
        database: Database,
        repository: Any,
        outbox: Outbox,
        *,
        subscribes: bool,
    ) -> None:
        self._bus, self._service, self._outbox = bus, service, outbox
        store = database.collection(CHECKPOINTS)
        self._lost = LostEvents(bus, service, store, republishers_for(service))
        self.workers: list[Callable[[], Awaitable[None]]] = [self._lost.run] if subscribes else []
        self.gauges = [self._lost.gauges()] if subscribes else []
        self.responders: list[Listener] = []
        if service in REPUBLISHING:
            self._serve(repository, Runs(database))

    def _serve(self, repository: Repository, runs: Runs) -> None:
        republisher = Republisher(repository, self._bus, self._service, runs)
        answers = {
            ServiceRequest.REPUBLISH: republisher.answer,
            ServiceRequest.WATERMARK: self._watermark,
        }
        self.responders.append(Responder(self._bus, self._service, answers))
        self.workers.append(republisher.run)

    def replicated_from(self, owner: str) -> ReadYourWrites:
        """Reads of what that owner created, which wait until it is replicated here."""
        watermark = ReadModelWatermark(self._bus, self._service, owner, self._lost.is_whole)
        return ReadYourWrites(watermark.has_passed)

    async def _watermark(self, _request: bytes) -> bytes:
        return await watermark_reply(self._pending_since)

    async def _pending_since(self) -> datetime | None:
        return (await self._outbox.size()).since
