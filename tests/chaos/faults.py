"""What goes wrong: crashes, pauses, a broken Stripe, deliveries that come twice and late."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from httpx import AsyncClient, HTTPError
from nats.aio.client import Client
from nats.errors import Error as NatsError
from tests.chaos.faults_of_operators import MADE_BY_HAND, STREAM_PURGED, OperatorFaults
from tests.chaos.observations import CONSUMERS
from tests.chaos.processes import Processes

from common.contracts.events import wire_time
from common.messaging.streams import STREAM
from devstack.testing import eventually

SERVICES = ("auth", *CONSUMERS)
OPERATIONS = ("create", "confirm", "capture", "cancel", "retrieve")
STREAM_DELETED = "stream deleted"
LOSING = (STREAM_DELETED, STREAM_PURGED, MADE_BY_HAND)
"""After these the stream does not have everything that was said, or not everybody has heard it."""

KINDS = ("drop_answer", "delay", "delay_answer", "error", "conflict")


class Faults:
    """Breaks one thing after another, at random; `done` counts what."""

    def __init__(
        self,
        processes: Processes,
        bus: Client,
        sandbox: AsyncClient,
        random: Random,
        nats_config: Path | None,
    ) -> None:
        self._processes, self._bus, self._sandbox = processes, bus, sandbox
        self._random = random
        self._stream = bus.jetstream(timeout=2)
        self.done = Counter[str]()
        self._ways: dict[Callable[[], Awaitable[object]], int] = {
            self._kill_a_service: 30,
            self._stop_a_service: 5,
            self._pause_a_service: 12,
            self._pause_a_server: 8,
            self._kill_nats: 6,
            self._kill_mongod: 5,
            self._kill_stripe: 4,
            self._kill_topology: 4,
            self._delete_stream: 1,
            self._delete_consumer: 3,
            self._break_stripe: 22,
            self._repeat_messages: 12,
            self._delay_messages: 12,
            self._hold_back_messages: 6,
        }
        if nats_config:
            self._ways |= OperatorFaults(processes, bus, random, nats_config, self.done).ways

    async def live(self, breath: float) -> None:
        """Until cancelled; then everything that was paused goes on. One every `breath` seconds."""
        async with asyncio.TaskGroup() as under_way:
            while True:
                await asyncio.sleep(self._random.uniform(0, 2 * breath))
                [way] = self._random.choices(list(self._ways), list(self._ways.values()))
                under_way.create_task(self._try(way))

    async def end(self) -> None:
        """Let Stripe be well again, as soon as it is there."""

        async def is_well() -> bool:
            try:
                return (await self._sandbox.delete("/_sandbox/faults")).is_success
            except HTTPError:
                return False

        await eventually(is_well, "the sandbox answers")

    async def _try(self, way: Callable[[], Awaitable[object]]) -> None:
        try:
            await way()
        except (NatsError, HTTPError, OSError, TimeoutError):  # broken already
            self.done["in vain"] += 1

    async def _kill(self, *names: str) -> None:
        if self._processes.send(signal.SIGKILL, *names):
            self.done[f"{names[0] if len(names) == 1 else 'service'} killed"] += 1

    async def _kill_a_service(self) -> None:
        await self._kill(*SERVICES)

    async def _kill_nats(self) -> None:
        await self._kill("nats")

    async def _kill_mongod(self) -> None:
        await self._kill("mongod")

    async def _kill_stripe(self) -> None:
        await self._kill("sandbox")

    async def _kill_topology(self) -> None:
        await self._kill("topology")

    async def _delete_stream(self) -> None:
        """With all that is in it; what nobody has heard yet its owners say again."""
        self.done[STREAM_DELETED] += 1  # also when the answer is lost
        await self._stream.delete_stream(STREAM)

    async def _delete_consumer(self) -> None:
        """When it is made again it delivers everything once more, from the beginning."""
        await self._stream.delete_consumer(STREAM, self._random.choice(CONSUMERS))
        self.done["consumer deleted"] += 1

    async def _stop_a_service(self) -> None:
        if self._processes.send(signal.SIGTERM, *SERVICES):
            self.done["service stopped"] += 1

    async def _pause_a_service(self) -> None:
        self.done["service paused"] += 1
        await self._processes.pause(self._random.uniform(0.1, 3), *SERVICES)

    async def _pause_a_server(self) -> None:
        self.done["server paused"] += 1
        server = self._random.choice(["mongod", "nats", "sandbox"])
        await self._processes.pause(self._random.uniform(0.1, 2.5), server)

    async def _break_stripe(self) -> None:
        fault = {
            "operation": self._random.choice(OPERATIONS),
            "kind": self._random.choice(KINDS),
            "seconds": self._random.uniform(0.1, 6),
            "times": self._random.randint(1, 3),
        }
        await self._sandbox.post("/_sandbox/faults", json=fault)
        self.done["Stripe broken"] += 1

    async def _repeat_messages(self) -> None:
        """Store old messages again, as a publisher does that never saw the acknowledgement."""
        last = (await self._stream.stream_info(STREAM)).state.last_seq
        for _ in range(self._random.randint(5, 30)):
            old = await self._stream.get_msg(STREAM, self._random.randint(1, max(1, last)))
            headers = dict(old.headers or {}) | {"Nats-Msg-Id": f"again:{self._random.random()}"}
            await self._stream.publish(old.subject or "", old.data or b"", 2, headers=headers)
            self.done["message repeated"] += 1

    async def _delay_messages(self) -> None:
        """Take what a service should get and send it back, to come later and out of order."""
        service = self._random.choice(CONSUMERS)
        taken = await self._stream.pull_subscribe_bind(service, STREAM)
        try:
            for message in await taken.fetch(self._random.randint(1, 10), timeout=1):
                await message.nak(delay=self._random.uniform(0.1, 2))
                self.done["message delayed"] += 1
        finally:
            await taken.unsubscribe()

    async def _hold_back_messages(self) -> None:
        """Let a service hear nothing for a while."""
        until = datetime.now(UTC) + timedelta(seconds=self._random.uniform(0.3, 2.5))
        service = self._random.choice(CONSUMERS)
        await self._stream.pause_consumer(STREAM, service, wire_time(until))
        self.done["service deafened"] += 1
