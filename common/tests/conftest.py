"""A database with a collection of aggregates, its routes, and a look into the streams."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, ClassVar

import nats
import pytest
from fastapi import APIRouter, Depends, FastAPI, Response
from httpx import AsyncClient
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from pydantic import StringConstraints

from common import errors
from common.contracts.events import WireModel
from common.contracts.ids import Id
from common.contracts.money import Dollars
from common.messaging.bus import Bus
from common.mongo import Database
from common.service import create_service
from common.settings import ServiceSettings
from common.web.bodies import ErrorMessage, JsonRoute, RequestBody
from common.web.dependencies import CurrentUser, repository
from common.web.json_cache import JsonCache
from common.web.paging import PageQuery
from devstack.counter_service import SERVICE, Tallies, Tally
from devstack.keys import KeyPair
from devstack.servers import MongoServer
from devstack.testing import eventually, running


class TooOften(errors.TooManyRequests):
    """As services refuse it."""

    message = "Too often"


FAILURES = {
    "crash": RuntimeError("password=s3cret"),
    "unavailable": errors.Unavailable("mongod at 10.0.0.1"),
    "invalid": errors.InvalidInput("No such card", field="token"),
    "anonymous": errors.NotAuthenticated(),
    "declined": errors.PaymentRequired("Declined"),
    "forbidden": errors.Forbidden("Not yours"),
    "unknown": errors.NotFound(),
    "conflict": errors.Conflict("Already reserved"),
    "often": TooOften(retry_after=7),
}

router = APIRouter(prefix="/api/tallies", route_class=JsonRoute)


class TallyIn(RequestBody):
    """A body of two fields."""

    title: Annotated[str, StringConstraints(min_length=1), ErrorMessage("Title is required")]
    price: Annotated[Dollars, ErrorMessage("Price must be in dollars")]


class TallyOut(WireModel):
    """A tally as clients see it."""

    id: Id
    version: int


CACHE = JsonCache[Tally](lambda tally: TallyOut(id=tally.id, version=tally.version))


class Settings(ServiceSettings):
    """Of a service that is not on the bus."""

    service: ClassVar[str] = SERVICE


@router.post("")
async def read(body: TallyIn) -> dict[str, object]:
    """ErrorMessage what it read."""
    return {"title": body.title, "cents": body.price.cents}


@router.post("/mine")
async def read_of_user(body: TallyIn, user: CurrentUser) -> dict[str, str]:
    """ErrorMessage what it read, and from whom."""
    return {"title": body.title, "user": user.id}


@router.get("")
async def browse(page: PageQuery, tallies: Annotated[Tallies, Depends(repository)]) -> Response:
    """Tallies, newest first."""
    query = {"_id": {"$lt": page.cursor}} if page.cursor else {}
    found = await tallies.find(query, sort=[("_id", -1)], limit=page.fetch_limit)
    return CACHE.list_response(page.items(found), page.link_header(found))


@router.get("/failures/{name}")
async def fail(name: str) -> None:
    """Fails in the way that is asked for."""
    raise FAILURES[name]


@pytest.fixture
def settings(mongod: MongoServer, jwt_keys: KeyPair) -> Settings:
    """How the service is configured: one database for all tests that store nothing."""
    mongod.ensure_running()
    return Settings(
        mongo_uri=mongod.uri(SERVICE), jwt_public_key=jwt_keys.public_pem, log_format="json"
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    """A service with these routes."""
    yield create_service(settings, repository=Tallies, router=router)
    logging.getLogger().handlers.clear()  # what they print to ends with the test


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A browser before the running service."""
    async with running(app) as client:
        yield client


@pytest.fixture
async def tallies(database: Database) -> Tallies:
    """An empty collection of aggregates."""
    tallies = Tallies(database)
    await tallies.prepare()
    return tallies


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    """The connection of a replica that hears nothing yet."""
    bus = Bus(nats_url, service=SERVICE)
    await bus.connect()
    yield bus
    await bus.close()


@pytest.fixture
async def nats_client(nats_url: str) -> AsyncIterator[Client]:
    """A connection beside those of the code under test, which heals by itself."""
    client = await nats.connect(nats_url, max_reconnect_attempts=-1, reconnect_time_wait=1)
    yield client
    await client.close()


@pytest.fixture
def jetstream(nats_client: Client) -> JetStreamContext:
    """The server's own view of streams and consumers."""
    return nats_client.jetstream()


@pytest.fixture
def stored(
    nats_client: Client, jetstream: JetStreamContext
) -> Callable[[str], Awaitable[list[RawStreamMsg]]]:
    """All messages of a stream, in its order."""

    async def read(stream: str) -> list[RawStreamMsg]:
        await eventually(connected)
        last = (await jetstream.stream_info(stream)).state.last_seq
        return [await jetstream.get_msg(stream, number) for number in range(1, last + 1)]

    async def connected() -> bool:
        return nats_client.is_connected

    return read
