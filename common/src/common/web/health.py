"""Probes: liveness, readiness, and whether to accept requests.

An outage of the bus is reported, but does not make a service unready once it was connected: events
wait in the outbox, and removing every replica would turn an outage of the bus into one of the API
(docs/decisions/0003).
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
"""How long MongoDB may take to answer, and the driver to report why it does not."""

GIVE_UP_SECONDS = 1.5
"""When to answer without a reason."""

router = APIRouter(include_in_schema=False)


class Health(TypedDict):
    """The answer to a readiness probe: the checks, and the reasons of those that fail."""

    ready: bool
    checks: dict[str, bool]
    reasons: dict[str, str]


@router.get("/livez")
async def live(request: Request, response: Response) -> dict[str, bool]:
    """Liveness: the event loop runs, and the connection to NATS is supervised."""
    bus: Bus | None = request.app.state.bus
    living = bus is None or bus.is_supervised
    response.status_code = 200 if living else 503
    return {"live": living}


@router.get("/acceptz")
async def accept(request: Request, response: Response) -> dict[str, bool]:
    """For load balancers: false before the service has started, and while it drains.

    In between true, whatever the state of MongoDB: otherwise an outage would leave a load balancer
    without a single replica, and clients with its own late and poor answer instead of ours.
    """
    state = request.app.state
    accepting = _is_started(state) and not state.shutdown.is_draining
    response.status_code = 200 if accepting else 503
    return {"accepting": accepting}


@router.get("/readyz")
async def ready(request: Request, response: Response) -> Health:
    """Readiness: requests will be answered."""
    state = request.app.state
    bus: Bus | None = state.bus
    problems = {
        "accepting": "stopping" if state.shutdown.is_draining else "",
        "mongodb": state.startup.unready_reason or await _problem_of(state.database),
    }
    is_ready = not any(problems.values()) and _is_started(state)
    if bus is not None:
        problems["bus"] = bus.problem
        problems["topology"] = bus.unready_reason
    response.status_code = 200 if is_ready else 503
    return Health(
        ready=is_ready,
        checks={name: not problem for name, problem in problems.items()},
        reasons={name: redact(problem) for name, problem in problems.items() if problem},
    )


def _is_started(state: State) -> bool:
    """Whether the indexes exist, and the bus has been ready once."""
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
