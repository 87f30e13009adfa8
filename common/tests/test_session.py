"""Who is calling: read once per request, from the header or from the cookie."""

from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from common import logs
from common.contracts.ids import new_id
from common.web.session import SessionMiddleware
from common.web.tokens import Principal, sign
from devstack.keys import KeyPair

ANA, BEN = Principal(new_id(), "ana@ticketing.test"), Principal(new_id(), "ben@ticketing.test")


async def who(request: Request) -> JSONResponse:
    """ErrorMessage who is calling, to the caller and to the log."""
    user: Principal | None = request.state.user
    return JSONResponse([user and user.email, logs.context.get().get("user_id")])


@pytest.fixture
async def client(jwt_keys: KeyPair) -> AsyncIterator[AsyncClient]:
    """A browser before an app that says who is calling."""
    session = Middleware(SessionMiddleware, public_keys=jwt_keys.public_pem)
    app = Starlette(routes=[Route("/", who)], middleware=[session])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://ticketing.test") as open_:
        yield open_


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({}, None),
        ({"Cookie": "session={ana}"}, ANA),
        ({"Cookie": "other=1; session={ana}; more=2"}, ANA),
        ({"Authorization": "Bearer {ana}"}, ANA),
        ({"Authorization": "bearer  {ana} "}, ANA),
        ({"Authorization": "Bearer {ana}", "Cookie": "session={ben}"}, ANA),
        ({"Authorization": "Basic {ben}", "Cookie": "session={ana}"}, ANA),
        ({"Authorization": "Bearer nonsense", "Cookie": "session={ana}"}, None),
        ({"Authorization": "Bearer {old}", "Cookie": "session={ana}"}, None),
        ({"Authorization": "Bearer", "Cookie": "session={ana}"}, None),
        ({"Authorization": "{ana}"}, None),
        ({"Cookie": "session={old}"}, None),
        ({"Cookie": "session="}, None),
        ({"Cookie": "session"}, None),
        ({"Cookie": "Session={ana}"}, None),
        ({"Cookie": "session=nonsense; session={ana}"}, ANA),
        ({"Cookie": "session={ana}; session=nonsense"}, None),
        ({"Cookie": "session={ana}; session={ben}"}, BEN),
        ({"Authorization": "Token {ana}"}, None),
        ({"Authorization": "Digest {ana}"}, None),
        ({"Authorization": "Bearer Bearer {ana}"}, None),
        ({"Cookie": "session=Bearer {ana}"}, None),
        ({"Cookie": "session=" + "x" * 10_000}, None),
    ],
)
async def test_the_caller_is_whom_the_request_names(
    client: AsyncClient, jwt_keys: KeyPair, headers: dict[str, str], caller: Principal | None
) -> None:
    tokens = {
        "ana": sign(ANA, jwt_keys.private_pem, 60),
        "ben": sign(BEN, jwt_keys.private_pem, 60),
        "old": sign(ANA, jwt_keys.private_pem, -1),
    }
    sent = {name: text.format(**tokens) for name, text in headers.items()}
    answer = await client.get("/", headers=sent)
    assert answer.json() == ([caller.email, caller.id] if caller else [None, None])
