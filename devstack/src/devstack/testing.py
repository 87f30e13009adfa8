"""Test support for one service: a running app, a peer on the bus, waiting with a timeout."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from common.aggregate_store import OutboxEntry
from common.contracts.events import (
    Event,
)
from common.contracts.ids import new_id
from common.contracts.subjects import Subject
from common.errors import Unavailable
from common.messaging.bus import Bus
from common.messaging.cloudevents import encode_headers
from common.messaging.consumer import Consumer
from common.startup import Startup
from common.web import tokens
from devstack.jetstream import ConsumerState, consumer_state
from devstack.keys import KeyPair
from devstack.ports import LOOPBACK, free_port

TIMEOUT_SECONDS = 60.0


E = TypeVar("E", bound=Event)


async def eventually(condition: Callable[[], Awaitable[bool]], what: str = "") -> None:
    """Wait until the condition holds; fails after a minute."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while not await condition():
        if time.monotonic() > until:
            raise AssertionError(f"never came true: {what or condition}")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A running app that is prepared, and an HTTP client of it."""
    async with starting(app) as client:
        await _wait_prepared(app)
        yield client


@asynccontextmanager
async def starting(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A running app that may not be prepared yet, and an HTTP client of it."""
    transport = ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://ticketing.test") as client,
    ):
        yield client


async def _wait_prepared(app: FastAPI) -> None:
    startup: Startup | None = getattr(app.state, "startup", None)

    async def so() -> bool:
        return startup is None or startup.is_complete

    await eventually(so, "the service begins")


async def pages(client: AsyncClient, path: str, headers: dict[str, str]) -> list[list[str]]:
    """The ids on each page of a list, from link to link until the end."""
    shown, link = [], path
    while link:
        answer = await client.get(link, headers=headers)
        answer.raise_for_status()
        shown.append([item["id"] for item in answer.json()])
        link = answer.links.get("next", {}).get("url", "")
    return shown


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """A web server on a free port; a service is prepared."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, LOOPBACK, port, log_level="critical"))
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    await _wait_prepared(app)
    yield f"http://{LOOPBACK}:{port}"
    server.should_exit = True
    await task


@dataclass(frozen=True)
class Session:
    """A user with a session."""

    id: str
    headers: dict[str, str]


SignIn = Callable[[], Session]
"""Creates a user with a session."""


def new_session(keys: KeyPair, lifetime_seconds: int = 3600) -> Session:
    """A new user with a session."""
    user = tokens.Principal(new_id(), f"{new_id()}@ticketing.test")
    token = tokens.sign(user, keys.private_pem, lifetime_seconds)
    return Session(user.id, {"Authorization": f"Bearer {token}"})


class BusPeer:
    """Another service on the bus: receives every event, and publishes what a test wants."""

    def __init__(self, url: str) -> None:
        self.bus = Bus(url, service="peer")
        self._port = urlsplit(url).port or 0
        self.received: list[Event] = []
        self._consumer = Consumer(self.bus, "peer", dict.fromkeys(Subject, self._receive), None)

    async def _receive(self, event: Event, _: object) -> None:
        self.received.append(event)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["BusPeer"]:
        """Connected to the bus for the duration of the block."""
        self.bus.on_connected.append(self._consumer.start)
        await self.bus.connect()
        yield self
        await self._consumer.stop(1)
        await self.bus.close()

    async def publish(self, event: Event, copy: str = "") -> None:
        """Publish an event; `copy` defeats the bus' deduplication of message ids."""
        entry = OutboxEntry.of(event, getattr(event, "version", 0))
        headers = encode_headers(entry, "peer")
        headers["Nats-Msg-Id"] += copy

        async def published() -> bool:
            with suppress(Unavailable):  # then again: the message id makes it one message
                await self.bus.publish(event.subject, event.to_json().encode(), headers)
                return True
            return False

        await eventually(published, f"{event} is published")

    async def publish_raw(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Publish an arbitrary message."""
        await self.bus.publish(subject, body, headers)

    def received_of(self, kind: type[E]) -> list[E]:
        """The received events of one type, in stream order."""
        return [event for event in self.received if type(event) is kind]

    async def wait_for(self, kind: type[E], count: int = 1) -> list[E]:
        """Wait until so many events of a type are received."""

        async def enough() -> bool:
            return len(self.received_of(kind)) >= count

        await eventually(enough, f"{count} x {kind.__name__}, received {self.received}")
        return self.received_of(kind)

    async def wait_acked_by(self, service: str) -> None:
        """Wait until a service has acknowledged every event."""
        await self._backlog(service, lambda backlog: backlog.is_empty)

    async def wait_redelivered(self, service: str, count: int = 1) -> None:
        """Wait until so many events were redelivered to a service."""
        await self._backlog(service, lambda backlog: backlog.num_redelivered >= count)

    async def wait_ack_pending(self, service: str, count: int = 1) -> None:
        """Wait until a service has so many events in flight, delivered and not acknowledged."""
        await self._backlog(service, lambda backlog: backlog.num_ack_pending >= count)

    async def _backlog(self, service: str, fits: Callable[[ConsumerState], bool]) -> None:
        async def there() -> bool:
            backlog = consumer_state(self._port, service)
            return backlog is not None and fits(backlog)

        await eventually(
            there, f"{service} has acknowledged all, lag {consumer_state(self._port, service)}"
        )
