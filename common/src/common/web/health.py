"""Whether a service lives and whether it should get requests, for probes and launchers.

A bus outage shows as a flag, but does not make a service unready once it was connected: events
wait in the outbox, and taking every replica out of service would turn an outage of the bus into
one of the whole API (docs/decisions/0003).
"""

import asyncio

from fastapi import APIRouter, Request, Response
from typing_extensions import TypedDict

from common.errors import Unavailable
from common.messaging.bus import Bus
from common.mongo import Database

CHECK_SECONDS = 1.0

router = APIRouter(include_in_schema=False)


class Health(TypedDict):
    """The answer to a readiness probe, with one flag for each thing that it takes."""

    ready: bool
    checks: dict[str, bool]


@router.get("/livez")
async def live() -> dict[str, bool]:
    """The loop turns."""
    return {"live": True}


@router.get("/acceptz")
async def accept(request: Request, response: Response) -> dict[str, bool]:
    """Send requests here, for load balancers: no while it stops, whatever becomes of MongoDB.

    Were MongoDB asked, an outage would leave a load balancer without a single replica, and people
    with its own late and poor answer instead of the service's.
    """
    accepting = not request.app.state.stop.is_asked
    response.status_code = 200 if accepting else 503
    return {"accepting": accepting}


@router.get("/readyz")
async def ready(request: Request, response: Response) -> Health:
    """Requests will be answered."""
    bus: Bus | None = request.app.state.bus
    checks = {
        "accepting": not request.app.state.stop.is_asked,
        "mongodb": await _answers(request.app.state.database),
    }
    is_ready = all(checks.values()) and (bus is None or bus.is_prepared)
    if bus is not None:
        checks["bus"] = bus.is_connected
    response.status_code = 200 if is_ready else 503
    return Health(ready=is_ready, checks=checks)


async def _answers(database: Database) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await database.ping()
    except (Unavailable, TimeoutError):
        return False
    return True
