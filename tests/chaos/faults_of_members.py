"""What goes wrong between members: a majority lost, leaders cut off, elections, slow links."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle, islice
from random import Random

from nats.aio.client import Client
from nats.errors import Error as NatsError
from tests.chaos.members import Members
from tests.chaos.processes import Processes

from common.messaging.streams import STREAM

CALM_SECONDS = (4, 8)
"""How long everything has its members, between two of these faults."""

Fault = Callable[[], Awaitable[None]]


class MemberFaults:
    """One fault of MongoDB's set after another, and beside them one of NATS' cluster.

    All kinds come in turn, the seed decides which is the first: with 0, MongoDB's majority is lost.
    """

    def __init__(
        self,
        members: Members,
        processes: Processes,
        bus: Client,
        random: Random,
        done: Counter[str],
    ) -> None:
        self._members, self._processes, self._bus = members, processes, bus
        self._random, self.done = random, done

    async def live(self, seed: int) -> None:
        """Until cancelled; then every link is whole and everybody goes on."""
        mongo = (
            self._lose_the_majority_and_then_the_primary,
            self._cut_off_the_primary,
            self._step_down,
            self._cut_off_the_primary_one_way,
            self._kill_the_primary,
            self._keep_clients_from_the_primary,
            self._slow_mongo,
        )
        nats = (
            self._cut_off_the_stream_leader,
            self._kill_the_stream_leader,
            self._lame_duck,
            self._keep_clients_from_a_nats_server,
            self._depose_the_stream_leader,
            self._slow_nats,
        )
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._in_turn(mongo, seed))
            lanes.create_task(self._in_turn(nats, seed))

    async def _in_turn(self, faults: Sequence[Fault], seed: int) -> None:
        for fault in islice(cycle(faults), seed % len(faults), None):
            await asyncio.sleep(self._random.uniform(*CALM_SECONDS))
            try:
                await fault()
            except (NatsError, OSError, TimeoutError):  # broken already
                self.done["in vain"] += 1

    async def _for_a_while(self, least: float, most: float) -> None:
        await asyncio.sleep(self._random.triangular(least, most, least))

    async def _lose_the_majority_and_then_the_primary(self) -> None:
        """The primary goes on alone for some seconds, and what it took meanwhile is taken back."""
        primary = await self._members.primary()
        others = map(self._processes.member, self._members.others(primary))
        async with self._members.cut_off(primary):
            self.done["majority lost, then the primary"] += 1
            with self._processes.stopped(*others):
                await self._for_a_while(6, 9)
                self._processes.send_member(signal.SIGKILL, primary)
            await self._members.primary(other_than=primary)

    async def _cut_off_the_primary(self) -> None:
        async with self._members.cut_off(await self._members.primary()):
            await self._for_a_while(10, 30)
        self.done["primary cut off"] += 1

    async def _cut_off_the_primary_one_way(self) -> None:
        async with self._members.cut_off(await self._members.primary(), one_way=True):
            self.done["primary cut off one way"] += 1
            await self._for_a_while(10, 30)

    async def _step_down(self) -> None:
        """Three times, politely."""
        for _ in range(3):
            primary = await self._members.primary()
            self.done["primary stepped down"] += 1
            await self._members.ask(primary, replSetStepDown=10)
            await self._members.primary(other_than=primary)
            await self._for_a_while(0.5, 3)

    async def _kill_the_primary(self) -> None:
        primary = await self._members.primary()
        if self._processes.send_member(signal.SIGKILL, primary):
            self.done["primary killed"] += 1

    async def _keep_clients_from_the_primary(self) -> None:
        async with self._members.without_clients(await self._members.primary()):
            self.done["services cut off from the primary"] += 1
            await self._for_a_while(3, 10)

    async def _slow_mongo(self) -> None:
        async with self._members.slow(self._members.mongods, self._random.uniform(0.02, 0.2)):
            self.done["links of MongoDB slow"] += 1
            await self._for_a_while(5, 15)

    async def _cut_off_the_stream_leader(self) -> None:
        async with self._members.cut_off(await self._members.stream_leader()):
            self.done["stream leader cut off"] += 1
            await self._for_a_while(10, 30)

    async def _kill_the_stream_leader(self) -> None:
        leader = await self._members.stream_leader()
        if self._processes.send_member(signal.SIGKILL, leader):
            self.done["stream leader killed"] += 1

    async def _lame_duck(self) -> None:
        """It asks its clients to go, and ends by itself."""
        if self._processes.send_member(signal.SIGUSR2, self._random.choice(self._members.nats)):
            self.done["lame duck"] += 1
            await self._for_a_while(10, 20)

    async def _keep_clients_from_a_nats_server(self) -> None:
        async with self._members.without_clients(self._random.choice(self._members.nats)):
            self.done["services cut off from a NATS server"] += 1
            await self._for_a_while(5, 20)

    async def _depose_the_stream_leader(self) -> None:
        for _ in range(3):
            await self._bus.request(f"$JS.API.STREAM.LEADER.STEPDOWN.{STREAM}", timeout=2)
            self.done["stream leader deposed"] += 1
            await self._for_a_while(0.5, 3)

    async def _slow_nats(self) -> None:
        async with self._members.slow(self._members.nats, self._random.uniform(0.02, 0.2)):
            self.done["links of NATS slow"] += 1
            await self._for_a_while(5, 15)
