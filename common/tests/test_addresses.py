"""An address that leads nowhere is waited for: a name that nobody knows, a set that is another."""

import asyncio
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from typing_extensions import override

from common.errors import Unavailable
from common.mongo import Database
from common.service import create_service
from common.settings import ServiceSettings
from devstack.counter_service import Tallies
from devstack.ports import LOOPBACK
from devstack.replica_set import NAME
from devstack.servers import MongoServer
from devstack.testing import eventually, starting

HOST = "mongodb.0.0.1"
"""Below the same domain as 127.0.0.1, as the driver wants it of what a name leads to."""


class Names(asyncio.DatagramProtocol):
    """Answers questions for names, on the loop of the test: who blocks that gets no answer."""

    def __init__(self) -> None:
        self.answers: dict[str, dns.rrset.RRset] = {}

    @override
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        response = dns.message.make_response(query)
        if found := self.answers.get(question.name.to_text()):
            if question.rdtype == found.rdtype:
                response.answer.append(found)
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Names]:
    """The only server that is asked for names."""
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(Names, (LOOPBACK, 0))
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [LOOPBACK]
    resolver.port = transport.get_extra_info("sockname")[1]
    monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
    yield names
    transport.close()


async def readiness(client: AsyncClient, reason: str) -> None:
    """Wait until the probe gives this reason for MongoDB; none is ready."""

    async def so() -> bool:
        answer = await client.get("/readyz")
        said = answer.json()["reasons"].get("mongodb", "")
        return (answer.status_code == 200) is (reason == "") and reason in said

    await eventually(so, f"the reason is {reason}")


def service(settings: ServiceSettings, uri: str) -> FastAPI:
    """The service of these tests, with another address of MongoDB."""
    return create_service(settings.model_copy(update={"mongo_uri": uri}), repository=Tallies)


async def test_a_host_that_is_unknown_yet_is_waited_for(
    settings: ServiceSettings, names: Names, mongod: MongoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"mongodb+srv://{HOST}/tallies?tls=false&replicaSet={NAME}"
    async with starting(service(settings, uri)) as client:
        await readiness(client, "DNS")
        assert "waiting for MongoDB" in capsys.readouterr().out
        assert (await client.get("/livez")).status_code == 200
        name = f"_mongodb._tcp.{HOST}."
        where = f"0 0 {mongod.port} {LOOPBACK}."
        names.answers[name] = dns.rrset.from_text(name, 1, "IN", "SRV", where)
        await readiness(client, "")


async def test_an_unknown_host_is_no_defect(names: Names) -> None:
    assert names.answers == {}
    database = Database(f"mongodb+srv://{HOST}/tallies")
    with pytest.raises(Unavailable, match="DNS"):
        await database.ping(1)
    database.close()


async def test_a_wrong_replica_set_name_quotes_the_driver(
    settings: ServiceSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = settings.mongo_uri.replace(f"replicaSet={NAME}", "replicaSet=other")
    words = 'No replica set members available for replica set name "other"'
    async with starting(service(settings, uri)) as client:
        await readiness(client, words)
    assert words in capsys.readouterr().out.replace('\\"', '"')
