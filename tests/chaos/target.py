"""A service as a process, with kill proxies between it and NATS and Stripe."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from httpx import AsyncClient, HTTPError, Response
from pymongo import MongoClient
from tests.chaos.kill_proxy import KillProxy

from common.mongo import Document
from devstack import processes
from devstack.keys import KeyPair, StackSecrets
from devstack.plan import Plan, choose_ports, http_url
from devstack.process import Process
from devstack.servers import MongoServer, NatsServer
from devstack.testing import TIMEOUT_SECONDS, Session, eventually, new_session


class TargetService:
    """A service that is killed at a pattern, and may be restarted."""

    def __init__(self, service: str, plan: Plan, wires: tuple[KillProxy, KillProxy]) -> None:
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

        await eventually(ready, "the service is ready")

    def kill_at(self, wire: KillProxy, pattern: bytes, *, by_server: bool = False) -> None:
        """Kill it at this pattern."""
        wire.arm(pattern, self._process.kill, by_server=by_server)

    async def wait_killed(self, wire: KillProxy) -> None:
        """Wait until it is killed."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await wire.has_fired.wait()
        assert not self._process.is_running

    def new_session(self) -> Session:
        """A new user with a session."""
        return new_session(self._keys)

    async def post(self, who: Session, path: str, body: Document) -> Response | None:
        """Post a body; None if the service was killed before it responded."""
        try:
            return await self._client.post(path, json=body, headers=who.headers)
        except HTTPError:
            return None

    def document(self, collection: str, identity: str) -> Document:
        """A stored document."""
        found = self._database[collection].find_one({"_id": identity})
        assert found, f"{identity} is not in {collection}"
        return found

    def only(self, collection: str) -> Document:
        """The only stored document of a collection."""
        [found] = self._database[collection].find()
        return found

    async def wait_document(self, collection: str, identity: str, fields: Document) -> None:
        """Wait until a stored document has these fields."""

        async def there() -> bool:
            return fields.items() <= self.document(collection, identity).items()

        await eventually(there, f"{identity} in {collection} becomes {fields}")

    def update(self, collection: str, identity: str, fields: Document) -> None:
        """Change a stored document."""
        self._database[collection].update_one({"_id": identity}, {"$set": fields})

    async def end(self) -> None:
        """Kill the service, and drop its database."""
        self._process.kill()
        self._mongo.drop_database(self._database.name)
        self._mongo.close()
        await self._client.aclose()


@asynccontextmanager
async def target_service(
    service: str, folder: Path, keys: KeyPair, mongod: MongoServer, nats: NatsServer
) -> AsyncIterator[tuple[TargetService, Process]]:
    """The service and its Stripe sandbox, both not started yet."""
    mongod.ensure_running()
    ports = replace(choose_ports(0, {}), mongod=mongod.port, nats_monitor=nats.monitor_port)
    wires = KillProxy(nats.port), KillProxy(ports.sandbox)
    seen = replace(ports, nats=wires[0].port, sandbox=wires[1].port)
    plan = Plan(folder, seen, StackSecrets(keys, "whsec_of_these_tests"))
    sandbox = processes.sandbox(replace(plan, ports=ports))
    async with wires[0].running(), wires[1].running():
        process = TargetService(service, plan, wires)
        try:
            yield process, sandbox
        finally:
            await process.end()
            sandbox.kill()
