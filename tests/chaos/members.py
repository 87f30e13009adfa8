"""Who is who among the members of MongoDB and NATS, and the links between them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

from nats.js import JetStreamContext
from pymongo.errors import PyMongoError

from common.messaging.streams import STREAM
from devstack import replica_set
from devstack.running_stack import RunningStack
from devstack.wires.control import broken
from devstack.wires.links import CLIENT, LinkFault, Way

PROBE_SECONDS = 2.0

ELECTION_SECONDS = 20.0
"""How long to wait for a primary: one that is silent is missed after 10 s."""

Document = replica_set.Document


class Members:
    """Of a running stack that has several."""

    def __init__(self, stack: RunningStack, wires: int, stream: JetStreamContext) -> None:
        self._wires, self._stream = wires, stream
        hosts = urlsplit(stack.mongo["orders"]).netloc.split(",")
        self._seats = {
            f"mongod-{number}": int(host.rpartition(":")[2])
            for number, host in enumerate(hosts, start=1)
        }
        self.mongods = tuple(self._seats)
        self.nats = tuple(f"nats-{number}" for number in range(1, len(hosts) + 1))

    async def primary(self, *, other_than: str = "") -> str:
        """Who was elected last, as soon as somebody is; raises TimeoutError when nobody is."""
        until = time.monotonic() + ELECTION_SECONDS
        while (elected := await self._elected()) in {other_than, None}:
            if time.monotonic() > until:
                raise TimeoutError("nobody is elected")
            await asyncio.sleep(0.2)
        return elected

    async def _elected(self) -> str | None:
        answers = await asyncio.gather(*map(self.ask, self.mongods))
        elected = {
            str(answer["electionId"]): member
            for member, answer in zip(self.mongods, answers, strict=True)
            if answer.get("isWritablePrimary")
        }
        return elected[max(elected)] if elected else None

    async def ask(self, member: str, **command: object) -> Document:
        """A member's answer to an admin command, `hello` without one; nothing without an answer."""

        def answer() -> Document:
            with replica_set.connect(self._seats[member], PROBE_SECONDS) as client:
                return client.admin.command(command or {"hello": 1})

        try:
            return await asyncio.to_thread(answer)
        except PyMongoError:
            return {}

    async def stream_leader(self) -> str:
        """The NATS server that takes what is published; raises when nobody says."""
        cluster = (await self._stream.stream_info(STREAM)).cluster
        if not (cluster and cluster.leader):
            raise TimeoutError("the stream has no leader")
        return cluster.leader

    def others(self, member: str) -> list[str]:
        """The members of the same kind."""
        everybody = self.mongods if member in self.mongods else self.nats
        return [other for other in everybody if other != member]

    def cut_off(self, member: str, *, one_way: bool = False) -> AbstractAsyncContextManager[None]:
        """It hears nothing of the others, who hear nothing of it; one way, it hears them."""
        away = {(member, other) for other in self.others(member)}
        return self._broken(away if one_way else away | {(b, a) for a, b in away})

    def without_clients(self, member: str) -> AbstractAsyncContextManager[None]:
        """No service reaches it."""
        return self._broken({(CLIENT, member), (member, CLIENT)})

    def slow(self, members: tuple[str, ...], seconds: float) -> AbstractAsyncContextManager[None]:
        """Whatever goes to these, from each other or from clients, is late."""
        return self._broken({(a, b) for a in (CLIENT, *members) for b in members}, seconds)

    @asynccontextmanager
    async def _broken(self, ways: set[Way], seconds: float | None = None) -> AsyncIterator[None]:
        async with broken(self._wires, LinkFault(ways=frozenset(ways), seconds=seconds)):
            yield
