"""One service as a process of its own, with an assassin on its wires to NATS and to Stripe."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from httpx import AsyncClient, HTTPError, Response
from pymongo import MongoClient
from tests.chaos.assassin import Assassin

from common.mongo import Document
from devstack import processes
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import Plan, choose_ports, http_url
from devstack.process import Process
from devstack.servers import MongoServer, NatsServer
from devstack.testing import PATIENCE_SECONDS, Session, eventually, new_session


class Victim:
    """It dies at a word, and may be started again."""

    def __init__(self, service: str, plan: Plan, wires: tuple[Assassin, Assassin]) -> None:
        [self._process] = processes.replicas(plan, service)
        self.bus, self.stripe = wires
        self._client = AsyncClient(base_url=http_url(plan.ports.services[service][0]), timeout=15)
        self._mongo: MongoClient[Document] = MongoClient(plan.mongo_uri(service), tz_aware=True)
        self._database = self._mongo[service]
        self._keys = plan.secrets.session_keys

    async def start(self) -> None:
        """Run, and wait until it is ready."""
        self._process.spawn()

        async def ready() -> bool:  # in a thread: this loop carries the words of the process
            return await asyncio.to_thread(self._process.is_ready)

        await eventually(ready, "the victim is ready")

    def dies_at(self, wire: Assassin, word: bytes, *, by_server: bool = False) -> None:
        """From now on it lives until this word."""
        wire.kill_when(word, self._process.kill, by_server=by_server)

    async def death_on(self, wire: Assassin) -> None:
        """Wait until it is dead."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await wire.is_done.wait()
        assert not self._process.is_running

    def new_session(self) -> Session:
        """A fresh user, signed in."""
        return new_session(self._keys)

    async def ask(self, who: Session, path: str, body: Document) -> Response | None:
        """Post something; None when it died over the answer."""
        try:
            return await self._client.post(path, json=body, headers=who.headers)
        except HTTPError:
            return None

    def document(self, collection: str, identity: str) -> Document:
        """What it has stored."""
        found = self._database[collection].find_one({"_id": identity})
        assert found, f"{identity} is not in {collection}"
        return found

    def only(self, collection: str) -> Document:
        """The one thing of its kind that it has stored."""
        [found] = self._database[collection].find()
        return found

    async def document_is(self, collection: str, identity: str, fields: Document) -> None:
        """Wait until something it has stored says this."""

        async def there() -> bool:
            return fields.items() <= self.document(collection, identity).items()

        await eventually(there, f"{identity} in {collection} becomes {fields}")

    def update(self, collection: str, identity: str, fields: Document) -> None:
        """Turn the clock of something that is stored."""
        self._database[collection].update_one({"_id": identity}, {"$set": fields})

    async def end(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._mongo.drop_database(self._database.name)
        self._mongo.close()
        await self._client.aclose()


@asynccontextmanager
async def victim(
    service: str, folder: Path, keys: KeyPair, mongod: MongoServer, nats: NatsServer
) -> AsyncIterator[tuple[Victim, Process]]:
    """The service and the Stripe sandbox it would talk to, to be started by whoever needs them."""
    mongod.ensure_running()
    ports = replace(choose_ports(0, {}), mongod=mongod.port, nats_monitor=nats.monitor_port)
    wires = Assassin(nats.port), Assassin(ports.sandbox)
    seen = replace(ports, nats=wires[0].port, sandbox=wires[1].port)
    plan = Plan(folder, seen, StackSecrets(keys, "whsec_of_these_tests"))
    sandbox = processes.sandbox(replace(plan, ports=ports))
    async with wires[0].on_the_wire(), wires[1].on_the_wire():
        process = Victim(service, plan, wires)
        try:
            yield process, sandbox
        finally:
            await process.end()
            sandbox.kill()
