"""Who hangs up before the request has come whole waits for no answer, and nothing has failed."""

import logging
from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.types import Message, Scope

from common.metrics import exposition
from common.web.bodies import ErrorMessage, JsonRoute, RequestBody
from common.web.body_limit import LIMIT, BodyLimitMiddleware
from common.web.error_responses import install_error_responses
from common.web.request_log import RequestLogMiddleware
from devstack.scraping import delta, samples_in

router = APIRouter(route_class=JsonRoute)


class Named(RequestBody):
    """A body of one field."""

    name: Annotated[str, ErrorMessage("Name is required")]


@router.post("/json")
async def read_json(body: Named) -> str:
    """Has the framework read."""
    return body.name


@router.post("/raw")
async def read(request: Request) -> int:
    """Reads by itself."""
    return len(await request.body())


@router.post("/unread")
async def leave() -> str:
    """Wants no body."""
    return "done"


@pytest.fixture
def app() -> FastAPI:
    """What stands before every route."""
    app = FastAPI()
    app.include_router(router)
    install_error_responses(app)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(RequestLogMiddleware)
    return app


def coming(*pieces: bytes) -> Iterator[Message]:
    """The beginning of a body, and then nobody."""
    for piece in pieces:
        yield {"type": "http.request", "body": piece, "more_body": True}
    while True:
        yield {"type": "http.disconnect"}


@pytest.mark.parametrize("path", ["/json", "/raw", "/unread", "/nowhere"])
@pytest.mark.parametrize("pieces", [[], [b"{"], [b"x" * LIMIT]], ids=["none", "some", "much"])
@pytest.mark.parametrize("headers", [[(b"content-length", b"60000")], []], ids=["length", "none"])
async def test_nobody_is_answered_and_nothing_has_failed(
    app: FastAPI,
    path: str,
    pieces: list[bytes],
    headers: list[tuple[bytes, bytes]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    before, messages, sent = samples_in(exposition({}).decode()), coming(*pieces), list[Message]()
    scope: Scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path}
    scope.update(headers=headers, query_string=b"", app=app)

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent == []
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert caplog.messages == [f"POST {path} 0"]
    [counted] = delta(before, samples_in(exposition({}).decode()), "requests_total")
    assert "0" in counted
