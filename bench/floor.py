"""The barest FastAPI and Motor that could do the same: what no service of ours can be faster than.

No session, no rules, no events, no checks of what comes or goes, no line in a log.
"""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from bench.served import served
from devstack.ports import LOOPBACK, free_port
from devstack.process import Process

CACHE = {"outbox": 0, "beginnings": 0}
"""What our services do not read either."""


class Settings(BaseSettings):
    """Which database."""

    mongo_uri: str


class Wanted(BaseModel):
    """The body of an order."""

    ticketId: str  # noqa: N815 - as it is sent


@contextmanager
def floor(mongo_uri: str, folder: Path) -> Iterator[Process]:
    """The bare app on a database, served as our services are; its name is its address."""
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", "bench.floor:create_app", "--factory"),
        *("--host", LOOPBACK, "--port", str(port), "--no-access-log", "--log-level", "warning"),
        *("--loop", "uvloop", "--http", "httptools"),
    )
    with served(port, command, {"MONGO_URI": mongo_uri}, folder / "floor.log") as process:
        yield process


def create_app() -> FastAPI:
    """Two reads, one order, and nothing."""
    app = FastAPI()
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        Settings().mongo_uri, tz_aware=True, w="majority", journal=True, timeoutMS=5_000
    )
    tickets = client.get_default_database()["tickets"]
    orders = client.get_default_database()["floor_orders"]

    @app.get("/nothing")
    async def nothing() -> JSONResponse:
        return JSONResponse({})

    @app.get("/tickets")
    async def browse() -> JSONResponse:
        found = tickets.find({"orderId": None}, CACHE).sort([("_id", -1)]).limit(51)
        return JSONResponse([_shown(ticket) for ticket in (await found.to_list(51))[:50]])

    @app.get("/tickets/{ticket_id}")
    async def show(ticket_id: str) -> JSONResponse:
        ticket = await tickets.find_one({"_id": ticket_id}, CACHE)
        return JSONResponse(_shown(ticket or {}))

    @app.post("/orders")
    async def order(wanted: Wanted) -> JSONResponse:
        ticket = await tickets.find_one({"_id": wanted.ticketId})
        document = _order(ticket or {})
        await orders.insert_one(document)
        del document["outbox"], document["outboxSince"]
        return JSONResponse(document, 201)

    @app.post("/indexes")
    async def index() -> JSONResponse:
        held = {"holdsTicket": True}
        await orders.create_index([("ticket.id", 1)], unique=True, partialFilterExpression=held)
        await orders.create_index([("userId", 1), ("_id", -1)])
        waiting = {"outboxSince": {"$exists": True}}
        await orders.create_index([("outboxSince", 1)], partialFilterExpression=waiting)
        return JSONResponse({})

    return app


def _shown(ticket: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ticket["_id"],
        "title": ticket["title"],
        "price": ticket["priceCents"] / 100,
        "userId": ticket["userId"],
        "version": ticket["version"],
        "status": "free",
    }


def _order(ticket: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC)
    until = (now + timedelta(minutes=15)).isoformat()
    identity = secrets.token_hex(12)
    return {
        "_id": identity,
        "status": "created",
        "cancelReason": None,
        "userId": "0" * 24,
        "expiresAt": until,
        "holdsTicket": True,
        "ticket": {
            "id": ticket["_id"],
            "version": ticket["version"],
            "title": ticket["title"],
            "priceCents": ticket["priceCents"],
        },
        "history": [{"status": "created", "at": until, "reason": None}],
        "version": 0,
        "outbox": [{"version": 0, "subject": "order:created", "body": "x" * 300, "time": until}],
        "outboxSince": now,
    }
