"""The sandbox's web server: Stripe's API at /v1, Stripe.js at /v3, the controls at /_sandbox."""

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

from devstack.sandbox.api import Api, ApiRequest
from devstack.sandbox.connection_abort import ABORT
from devstack.sandbox.errors import Json, StripeError
from devstack.sandbox.faults import Fault

STRIPE_JS = Path(__file__).with_name("stripe.js")


class NoResponse(Response):
    """No response: the web server aborts the connection."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Abort the connection, and wait until it is closed."""
        scope["state"][ABORT]()
        while (await receive())["type"] != "http.disconnect":
            pass


class Authentication(BaseModel):
    """The outcome of 3-D Secure."""

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
    app.add_api_route("/v1/{path:path}", _handle, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    app.add_api_route("/v3/", _script)
    _add_controls(app)
    return app


def _add_controls(app: FastAPI) -> None:
    app.add_api_route("/_sandbox/health", _health)
    app.add_api_route("/_sandbox/ledger", _list_intents)
    app.add_api_route("/_sandbox/faults", _list_faults)
    app.add_api_route("/_sandbox/faults", _add_fault, methods=["POST"], status_code=201)
    app.add_api_route("/_sandbox/faults", _clear_faults, methods=["DELETE"], status_code=204)
    app.add_api_route("/_sandbox/intents/{identity}/authenticate", _authenticate, methods=["POST"])
    app.add_api_route("/_sandbox/intents/{identity}/expire", _expire, methods=["POST"])


async def _handle(request: Request, api: TheApi) -> Response:
    body = (await request.body()).decode(errors="replace")
    form = body if request.method == "POST" else request.url.query
    call = ApiRequest(request.method, request.url.path, form, request.headers)
    result = await api.answer(call)
    if result.dropped:
        return NoResponse()
    headers = {"Request-Id": call.id}
    if result.replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(result.body, result.status, headers)


async def _script() -> FileResponse:
    return FileResponse(STRIPE_JS, headers={"Cache-Control": "no-cache"})


async def _health() -> dict[str, bool]:
    return {"live": True}


async def _list_intents(api: TheApi) -> list[Json]:
    return api.ledger.summary()


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
