"""The pytest fixtures that give each test real, empty servers; a plugin for the root conftest."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from devstack.bus_topology import declare_now
from devstack.jetstream import delete_all_streams
from devstack.keys import KeyPair, key_pair, new_private_key
from devstack.quick import Processes
from devstack.servers import MongoServer, NatsServer


@pytest.fixture(scope="session")
def mongod(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """The one mongod of this run; a test may stop, kill and start it."""
    folder = tmp_path_factory.mktemp("mongod")
    with processes.running(MongoServer(folder / "files", folder / "mongod.log")) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NatsServer]:
    """The one nats-server of this run; a test may stop, kill and start it."""
    folder = tmp_path_factory.mktemp("nats")
    with processes.running(NatsServer(folder / "files", folder / "nats.log")) as server:
        yield server


@pytest.fixture
def mongo_uri(mongod: MongoServer) -> Iterator[str]:
    """The address of a database of this test, dropped afterwards."""
    database = f"test_{uuid4().hex}"
    mongod.ensure_running()
    yield mongod.uri(database)
    mongod.ensure_running()
    mongod.drop(database)


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    """The address of a NATS server with empty streams and new consumers."""
    nats_server.ensure_running()
    delete_all_streams(nats_server.port)
    declare_now(nats_server.url)
    return nats_server.url


@pytest.fixture(scope="session")
def jwt_keys() -> KeyPair:
    """A key pair that signs and verifies sessions."""
    return key_pair(new_private_key())
