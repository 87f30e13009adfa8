"""Whether a service lives and whether it should get requests, for probes and launchers.

A bus outage shows as a flag, but does not make a service unready once it was connected: events
wait in the outbox, and taking every replica out of service would turn an outage of the bus into
one of the whole API (docs/decisions/0003).
"""

import asyncio

from fastapi import APIRouter, Request, Response
from starlette.datastructures import State
from typing_extensions import TypedDict

from common.errors import Unavailable
from common.logs import redact
from common.messaging.bus import Bus
from common.mongo import Database
from common.startup import Startup

CHECK_SECONDS = 1.0
"""How long MongoDB may take to say yes, and the driver to say why not."""

GIVE_UP_SECONDS = 1.5
"""When to go without a reason, too."""

router = APIRouter(include_in_schema=False)


class Health(TypedDict):
    """The answer to a readiness probe: what it takes, and for what is false the reason."""

    ready: bool
    checks: dict[str, bool]
    reasons: dict[str, str]


@router.get("/livez")
async def live(request: Request, response: Response) -> dict[str, bool]:
    """The loop turns, and somebody sees to the connection to NATS, whatever becomes of NATS."""
    bus: Bus | None = request.app.state.bus
    living = bus is None or bus.is_supervised
    response.status_code = 200 if living else 503
    return {"live": living}


@router.get("/acceptz")
async def accept(request: Request, response: Response) -> dict[str, bool]:
    """Send requests here, for load balancers: no before it has begun, and while it stops.

    In between yes, whatever becomes of MongoDB: were it asked, an outage would leave a load
    balancer without a single replica, and people with its own late and poor answer instead of ours.
    """
    state = request.app.state
    accepting = _has_begun(state) and not state.shutdown.is_draining
    response.status_code = 200 if accepting else 503
    return {"accepting": accepting}


@router.get("/readyz")
async def ready(request: Request, response: Response) -> Health:
    """Requests will be answered."""
    state = request.app.state
    bus: Bus | None = state.bus
    problems = {
        "accepting": "stopping" if state.shutdown.is_draining else "",
        "mongodb": state.startup.unready_reason or await _problem_of(state.database),
    }
    is_ready = not any(problems.values()) and _has_begun(state)
    if bus is not None:
        problems["bus"] = bus.problem
        problems["topology"] = bus.unready_reason
    response.status_code = 200 if is_ready else 503
    return Health(
        ready=is_ready,
        checks={name: not problem for name, problem in problems.items()},
        reasons={name: redact(problem) for name, problem in problems.items() if problem},
    )


def _has_begun(state: State) -> bool:
    """Whether all that the service needs has once been there: its indexes, and then the bus."""
    startup: Startup = state.startup
    bus: Bus | None = state.bus
    return startup.is_complete and (bus is None or bus.is_ready)


async def _problem_of(database: Database) -> str:
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await database.ping(CHECK_SECONDS)
    except TimeoutError:
        return f"no answer within {GIVE_UP_SECONDS:g} s"
    except Unavailable as error:
        return str(error)
    return ""
