"""Notices that events were dropped before a service heard them, and has their owners say all again.

A purge, a retention that was passed, a stream or a consumer that somebody made anew: none of it is
an error to NATS. The stream's numbers beside those the service has kept itself show the gap.
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
    begin,
    begin_again,
    from_document,
    to_document,
    what_was_lost,
)
from common.messaging.streams import Progress
from common.metrics import Gauge
from common.mongo import Collection, Document, DuplicateKey

LOOK_SECONDS = 5.0
HEAL_SECONDS = 1.0
"""How often to ask whether an owner has said everything again."""

EVENTS: Document = {"_id": "events"}

LOST = metrics.counter("events_lost", "Times that events were dropped before they were heard")
MISSING = Gauge("events_missing", "Whether lost events have not been said again yet (0 or 1)")

log = logging.getLogger(__name__)
rate_limited = RateLimitedLog(log)


class LostEvents:
    """What one service has missed; all its replicas share what they know of it.

    `owners` are the services that say the state of everything again, when they are asked.
    """

    def __init__(self, bus: Bus, service: str, store: Collection, owners: Sequence[str]) -> None:
        self._bus, self._service, self._store, self._owners = bus, service, store, owners
        self._last_before = ("", 0)

    async def run(self) -> None:
        """Look, and heal, until cancelled."""
        while True:
            is_whole = True
            try:
                is_whole = not self._bus.is_connected or await self.is_whole() or await self._heal()
            except Unavailable as error:
                rate_limited.warning("nobody knows whether events were lost", error=str(error))
            await asyncio.sleep(LOOK_SECONDS if is_whole else HEAL_SECONDS)

    async def is_whole(self) -> bool:
        """Whether the service has missed nothing, or has heard it again since; raises Unavailable.

        What is known is read before NATS is asked: what another replica finds meanwhile is newer.
        """
        known = await self._store.find_one(EVENTS)
        now = await self._bus.streams.progress(self._service)
        if known is None:
            await self._store_first(begin(now))
            return True
        checkpoint = from_document(known)
        if lost := what_was_lost(checkpoint, now, self._service):
            await self._tell(checkpoint, now, lost)
            return False
        await self._go_on(checkpoint, now)
        return "missing" not in known

    async def _store_first(self, checkpoint: Checkpoint) -> None:
        try:
            await self._store.insert({**EVENTS, **to_document(checkpoint)})
        except DuplicateKey:  # another replica was first
            return

    async def _go_on(self, known: Checkpoint, now: Progress) -> None:
        stream, last = self._last_before
        self._last_before = (now.stream, now.last)
        following = known.after(now, last if stream == now.stream else 0)
        if following != known:
            await self._replace(known, to_document(following))

    async def _tell(self, known: Checkpoint, now: Progress, lost: str) -> None:
        missing = {"id": new_id(), "lost": lost, "runs": {}}
        changed = {**to_document(begin_again(now)), "missing": missing}
        if await self._replace(known, changed):  # else another replica tells
            LOST.inc()
            log.error("events were lost", extra={"lost": lost})

    async def _replace(self, known: Checkpoint, changed: Document) -> bool:
        return await self._store.update({**EVENTS, **to_document(known)}, {"$set": changed})

    async def _heal(self) -> bool:
        """Ask every owner until each has said everything; whether they have."""
        known = await self._store.find_one(EVENTS)
        if known is None or "missing" not in known:
            return True
        missing = known["missing"]
        done = [await self._said_again(missing, owner) for owner in self._owners]
        if not all(done):
            return False
        mine = {**EVENTS, "missing.id": missing["id"]}
        if await self._store.update(mine, {"$unset": {"missing": ""}}):
            log.warning("lost events were made good", extra={"lost": missing["lost"]})
        return True

    async def _said_again(self, missing: Document, owner: str) -> bool:
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
        """Whether something is missing now."""

        async def collect() -> Samples:
            known = await self._store.find_one(EVENTS)
            return {MISSING: float(known is not None and "missing" in known)}

        return GaugeSource("mongodb", (MISSING,), collect)
