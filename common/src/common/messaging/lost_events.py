"""Detects events that were dropped before a service consumed them, and requests a republish.

A purge, an expired retention, a stream or a consumer that was deleted and created again: none of
it is an error to NATS. Comparing the stream's sequences with the checkpoint shows the gap.
"""

import asyncio
import logging
from collections.abc import Sequence

from common import metrics
from common.contracts.ids import new_id
from common.contracts.requests import RepublishRun, ServiceRequest, request_subject
from common.errors import Unavailable
from common.gauges import GaugeSource, Samples
from common.logs import RateLimitedLog
from common.messaging.bus import Bus
from common.messaging.checkpoint import (
    Checkpoint,
    checkpoint_after_loss,
    describe_loss,
    first_checkpoint,
    from_document,
    to_document,
)
from common.messaging.streams import Progress
from common.metrics import Gauge
from common.mongo import Collection, Document, DuplicateKey

CHECK_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""How often to ask whether an owner has republished everything."""

EVENTS: Document = {"_id": "events"}

LOST = metrics.counter("events_lost", "Times that events were dropped before they were consumed")
MISSING = Gauge("events_missing", "Whether lost events have not been republished yet (0 or 1)")

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class LostEvents:
    """The losses of one service; all its replicas share the checkpoint.

    `owners` are the services that republish on request.
    """

    def __init__(self, bus: Bus, service: str, store: Collection, owners: Sequence[str]) -> None:
        self._bus, self._service, self._store, self._owners = bus, service, store, owners
        self._last_before = ("", 0)

    async def run(self) -> None:
        """Check, and repair, until cancelled."""
        while True:
            is_whole = True
            try:
                is_whole = (
                    not self._bus.is_connected
                    or await self.is_whole()
                    or await self._request_republish()
                )
            except Unavailable as error:
                rate_limited.warning("nobody knows whether events were lost", error=str(error))
            await asyncio.sleep(CHECK_SECONDS if is_whole else RETRY_SECONDS)

    async def is_whole(self) -> bool:
        """Whether nothing was lost, or it has been republished since; raises Unavailable.

        The checkpoint is read before NATS is asked, as another replica may advance it meanwhile.
        """
        known = await self._store.find_one(EVENTS)
        now = await self._bus.streams.progress(self._service)
        if known is None:
            await self._store_first(first_checkpoint(now))
            return True
        checkpoint = from_document(known)
        if lost := describe_loss(checkpoint, now, self._service):
            await self._record_loss(checkpoint, now, lost)
            return False
        await self._advance(checkpoint, now)
        return "missing" not in known

    async def _store_first(self, checkpoint: Checkpoint) -> None:
        try:
            await self._store.insert({**EVENTS, **to_document(checkpoint)})
        except DuplicateKey:  # another replica was first
            return

    async def _advance(self, known: Checkpoint, now: Progress) -> None:
        stream, last = self._last_before
        self._last_before = (now.stream, now.last)
        following = known.advanced(now, last if stream == now.stream else 0)
        if following != known:
            await self._replace(known, to_document(following))

    async def _record_loss(self, known: Checkpoint, now: Progress, lost: str) -> None:
        missing = {"id": new_id(), "lost": lost, "runs": {}}
        changed = {**to_document(checkpoint_after_loss(now)), "missing": missing}
        if await self._replace(known, changed):  # else another replica tells
            LOST.inc()
            log.error("events were lost", extra={"lost": lost})

    async def _replace(self, known: Checkpoint, changed: Document) -> bool:
        return await self._store.update({**EVENTS, **to_document(known)}, {"$set": changed})

    async def _request_republish(self) -> bool:
        """Request a republish of every owner; whether all are done."""
        known = await self._store.find_one(EVENTS)
        if known is None or "missing" not in known:
            return True
        missing = known["missing"]
        done = [await self._is_republished(missing, owner) for owner in self._owners]
        if not all(done):
            return False
        mine = {**EVENTS, "missing.id": missing["id"]}
        if await self._store.update(mine, {"$unset": {"missing": ""}}):
            log.warning("lost events were made good", extra={"lost": missing["lost"]})
        return True

    async def _is_republished(self, missing: Document, owner: str) -> bool:
        asked = RepublishRun(number=missing["runs"].get(owner))
        subject = request_subject(ServiceRequest.REPUBLISH, owner)
        answer = await self._bus.requests.send(
            subject, asked.model_dump_json(exclude_none=True).encode()
        )
        run = RepublishRun.model_validate_json(answer)
        if run.number != asked.number:
            mine = {**EVENTS, "missing.id": missing["id"]}
            await self._store.update(mine, {"$set": {f"missing.runs.{owner}": run.number}})
        return run.done

    def gauges(self) -> GaugeSource:
        """Whether lost events have not been republished yet."""

        async def collect() -> Samples:
            known = await self._store.find_one(EVENTS)
            return {MISSING: float(known is not None and "missing" in known)}

        return GaugeSource("mongodb", (MISSING,), collect)
