"""Three members of MongoDB and NATS, whose links can be broken."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import product
from pathlib import Path

import pytest
from nats.aio.client import Client
from pymongo import MongoClient

from devstack import replica_set
from devstack.members import Members, choose_member_ports
from devstack.process import wait_until_ready
from devstack.quick import Processes
from devstack.testing import eventually
from devstack.wires.control import broken
from devstack.wires.links import LinkFault


@contextmanager
def running(folder: Path) -> Iterator[Members]:
    """All members, until the end of the block."""
    members = choose_member_ports()
    processes = members.processes(folder, folder)
    try:
        for process in processes:
            process.spawn()
        wait_until_ready(processes, 60)
        yield members
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module")
def members(
    processes: Processes,  # noqa: ARG001 - it starts some
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Members]:
    """All members, with nothing in them."""
    with running(tmp_path_factory.mktemp("members")) as members:
        yield members


def primaries(members: Members) -> list[int]:
    """Which of the mongods think that they are it."""
    found = []
    for number, seat in enumerate(members.seats, start=1):
        with replica_set.connect(seat) as client:
            if client.admin.command("hello")["isWritablePrimary"]:
                found.append(number)
    return found


def cut_off(server: str, number: int) -> LinkFault:
    """One of three from both others, and from nobody else."""
    others = {f"{server}-{other}" for other in {1, 2, 3} - {number}}
    away = frozenset(product([f"{server}-{number}"], others))
    return LinkFault(ways=away | {(b, a) for a, b in away})


async def test_a_primary_that_is_cut_off_is_replaced(members: Members) -> None:
    [old] = primaries(members)

    async def has_another() -> bool:
        return not {old}.issuperset(await asyncio.to_thread(primaries, members))

    async with broken(members.control, cut_off("mongod", old)):
        await eventually(has_another, "the others elect a primary")

    async def are_one_again() -> bool:
        found = await asyncio.to_thread(primaries, members)
        return len(found) == 1 and found != [old]

    await eventually(are_one_again, "the old one follows")


@pytest.mark.usefixtures("processes")
def test_a_set_finds_its_data_at_other_ports(tmp_path: Path) -> None:
    for expected in (1, 2):
        with (
            running(tmp_path) as members,
            MongoClient[dict[str, object]](
                replica_set.uri(members.seats, "shop"), w="majority"
            ) as client,
        ):
            client.shop.things.insert_one({})
            assert client.shop.things.count_documents({}) == expected


async def test_partitioned_nats_server_catches_up(members: Members) -> None:
    async with client_of(members, 1) as here, client_of(members, 2) as there:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        await listen(there, heard)
        await eventually(lambda: arrives(here, heard), "the servers know each other")
        async with broken(members.control, cut_off("nats", 1)):
            await say(here, b"over a cut link")
            async with client_of(members, 3) as third:
                await say(third, b"around it")
            assert await heard.get() == b"around it"
        assert await heard.get() == b"over a cut link"


async def test_a_nats_server_is_cut_off_one_way(members: Members) -> None:
    lost = LinkFault(ways=frozenset({("nats-1", "nats-2"), ("nats-1", "nats-3")}))
    async with client_of(members, 1) as here, client_of(members, 2) as there:
        heard_here: asyncio.Queue[bytes] = asyncio.Queue()
        heard_there: asyncio.Queue[bytes] = asyncio.Queue()
        await listen(here, heard_here)
        await eventually(lambda: arrives(there, heard_here), "the servers know each other")
        await listen(there, heard_there)
        await eventually(lambda: arrives(here, heard_there), "the servers know each other")
        while not heard_here.empty():
            heard_here.get_nowait()
        async with broken(members.control, lost):
            await say(here, b"held back")
            await say(there, b"from there")
            assert [await heard_here.get(), await heard_here.get()] == [b"held back", b"from there"]
            assert await heard_there.get() == b"from there"
        assert await heard_there.get() == b"held back"


def test_clients_are_told_of_wires_only(members: Members) -> None:
    async def servers() -> set[int]:
        async with client_of(members, 1) as client:
            return {url.port or 0 for url in client.discovered_servers + client.servers}

    assert asyncio.run(servers()) == {server.seat for server in members.nats}


@asynccontextmanager
async def client_of(members: Members, number: int) -> AsyncIterator[Client]:
    """A client of one of the NATS servers."""
    client = Client()
    await client.connect(f"nats://127.0.0.1:{members.nats[number - 1].seat}")
    try:
        yield client
    finally:
        await client.close()


async def listen(client: Client, heard: "asyncio.Queue[bytes]") -> None:
    """Collect what is said."""

    async def on_message(message: object) -> None:
        await heard.put(getattr(message, "data", b""))

    await client.subscribe("said", cb=on_message)
    await client.flush()


async def say(client: Client, what: bytes) -> None:
    """Have the server take it."""
    await client.publish("said", what)
    await client.flush()


async def arrives(client: Client, heard: "asyncio.Queue[bytes]") -> bool:
    """Whether what is said is heard; all that was is forgotten."""
    await say(client, b"is anybody there?")
    await asyncio.sleep(0.1)
    found = not heard.empty()
    while not heard.empty():
        heard.get_nowait()
    return found
