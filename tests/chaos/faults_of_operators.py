"""What operators do to a running system: limits, purges, consumers by hand, republish."""

import asyncio
import os
import resource
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy
from tests.chaos.observations import CONSUMERS
from tests.chaos.processes import Processes

from common.contracts.requests import ServiceRequest, request_subject
from common.contracts.subscriptions import REPUBLISHING
from common.messaging.streams import STREAM

LIMITS = {"connections limited": "max_connections: 3", "payloads limited": "max_payload: 700"}
"""Of NATS; the second one is less than most events have with their headers."""

STREAM_PURGED = "stream purged"
MADE_BY_HAND = "consumer made by hand"

FEW_FILES = 4
"""How many more a process may open than it has."""


class OperatorFaults:
    """Some of the ways of `Faults`; `done` counts what."""

    def __init__(
        self,
        processes: Processes,
        bus: Client,
        random: Random,
        config: Path,
        done: Counter[str],
    ) -> None:
        self._processes, self._bus, self._random = processes, bus, random
        self._stream = bus.jetstream(timeout=2)
        self._config, self._done = config, done
        self._limiting = asyncio.Lock()
        self.ways: dict[Callable[[], Awaitable[object]], int] = {
            self._limit_nats: 4,
            self._purge: 1,
            self._make_a_consumer_by_hand: 2,
            self._leave_few_files: 4,
            self._republish: 3,
        }

    async def _limit_nats(self) -> None:
        """By a reload, for a while."""
        name = self._random.choice(list(LIMITS))
        async with self._limiting:
            self._done[name] += 1
            try:
                self._reload(LIMITS[name])
                await asyncio.sleep(self._random.uniform(0.5, 3))
            finally:
                self._reload("")

    def _reload(self, text: str) -> None:
        self._config.write_text(text)
        self._processes.send(signal.SIGHUP, "nats")

    async def _purge(self) -> None:
        """Everything that is in the stream, heard or not."""
        self._done[STREAM_PURGED] += 1
        await self._stream.purge_stream(STREAM)

    async def _make_a_consumer_by_hand(self) -> None:
        """As somebody does who wants to be rid of a backlog."""
        service = self._random.choice(CONSUMERS)
        heard = (await self._stream.consumer_info(STREAM, service)).config.filter_subjects
        self._done[MADE_BY_HAND] += 1
        await self._stream.delete_consumer(STREAM, service)
        late = ConsumerConfig(
            durable_name=service, filter_subjects=heard, deliver_policy=DeliverPolicy.NEW
        )
        await self._stream.add_consumer(STREAM, late)

    async def _leave_few_files(self) -> None:
        """To one process of a service, for a while."""
        pid = self._processes.one_of(*CONSUMERS)
        if pid is None:
            return
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        few = len(os.listdir(f"/proc/{pid}/fd")) + FEW_FILES  # noqa: PTH208 - it is in memory
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, before[1]))
        self._done["few files"] += 1
        try:
            await asyncio.sleep(self._random.uniform(0.5, 4))
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    async def _republish(self) -> None:
        owner = self._random.choice(sorted(REPUBLISHING))
        await self._bus.request(request_subject(ServiceRequest.REPUBLISH, owner), b"{}", timeout=2)
        self._done["republish asked for"] += 1
