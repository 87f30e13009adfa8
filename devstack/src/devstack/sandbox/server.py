"""The sandbox as a web server: Stripe's API at /v1, its script at /v3, our own at /_sandbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from devstack.sandbox.api import Api, Asked
from devstack.sandbox.errors import Json, StripeError
from devstack.sandbox.faults import Fault
from devstack.sandbox.hanging_up import HANG_UP

STRIPE_JS = Path(__file__).with_name("stripe.js")


class Silence(Response):
    """No answer at all: the web server hangs up on the client."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut the connection, and wait until it is gone."""
        scope["state"][HANG_UP]()
        while (await receive())["type"] != "http.disconnect":
            pass


class Authentication(BaseModel):
    """What the buyer does with the bank's question."""

    success: bool = True


async def _api(request: Request) -> Api:
    api: Api = request.app.state.api
    return api


TheApi = Annotated[Api, Depends(_api)]


def create_sandbox(api: Api) -> FastAPI:
    """The app."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await api.webhooks.close()

    app = FastAPI(title="Stripe sandbox", lifespan=lifespan)
    app.state.api = api
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Request-Id"],
    )
    app.add_api_route("/v1/{path:path}", _ask, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    app.add_api_route("/v3/", _script)
    _add_back_door(app)
    return app


def _add_back_door(app: FastAPI) -> None:
    app.add_api_route("/_sandbox/health", _health)
    app.add_api_route("/_sandbox/ledger", _books)
    app.add_api_route("/_sandbox/faults", _list_faults)
    app.add_api_route("/_sandbox/faults", _add_fault, methods=["POST"], status_code=201)
    app.add_api_route("/_sandbox/faults", _clear_faults, methods=["DELETE"], status_code=204)
    app.add_api_route("/_sandbox/intents/{identity}/authenticate", _authenticate, methods=["POST"])
    app.add_api_route("/_sandbox/intents/{identity}/expire", _expire, methods=["POST"])


async def _ask(request: Request, api: TheApi) -> Response:
    body = (await request.body()).decode(errors="replace")
    form = body if request.method == "POST" else request.url.query
    asked = Asked(request.method, request.url.path, form, request.headers)
    answered = await api.answer(asked)
    if answered.dropped:
        return Silence()
    headers = {"Request-Id": asked.id}
    if answered.replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(answered.body, answered.status, headers)


async def _script() -> FileResponse:
    return FileResponse(STRIPE_JS, headers={"Cache-Control": "no-cache"})


async def _health() -> dict[str, bool]:
    return {"live": True}


async def _books(api: TheApi) -> list[Json]:
    return api.ledger.books()


async def _list_faults(api: TheApi) -> list[Fault]:
    return api.faults.waiting


async def _add_fault(fault: Fault, api: TheApi) -> Fault:
    api.faults.waiting.append(fault)
    return fault.model_copy()


async def _clear_faults(api: TheApi) -> None:
    api.faults.waiting.clear()


async def _authenticate(identity: str, done: Authentication, api: TheApi) -> JSONResponse:
    return _done(lambda: api.authenticate(identity, done.success))


async def _expire(identity: str, api: TheApi) -> JSONResponse:
    return _done(lambda: api.expire(identity))


def _done(action: Callable[[], Json]) -> JSONResponse:
    try:
        return JSONResponse(action())
    except StripeError as error:
        return JSONResponse(error.body, error.status)
