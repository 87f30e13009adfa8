"""The session: its cookie, its token, and who it says you are."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from http.cookies import Morsel, SimpleCookie

import pytest
from httpx import AsyncClient, Response

from auth.main import create_app
from auth.settings import Settings
from common.web import tokens
from devstack.keys import KeyPair, key_pair, new_private_key
from devstack.testing import running

CREDENTIALS = {"email": "me@shop.test", "password": "correct horse"}
ME = tokens.Principal("0" * 24, "me@shop.test")


def cookie_of(answer: Response) -> "Morsel[str]":
    """The session cookie that an answer sets."""
    return SimpleCookie(answer.headers["Set-Cookie"])["session"]


def claims_of(token: str) -> dict[str, object]:
    """What a token says."""
    claims: dict[str, object] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def tampered(keys: KeyPair) -> str:
    """A token that somebody made say more than was signed."""
    head, body, signature = tokens.sign(ME, keys.private_pem, 60).split(".")
    claims = json.loads(urlsafe_b64decode(body + "==")) | {"email": "you@shop.test"}
    body = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def unsigned(keys: KeyPair) -> str:
    """A token that says it needs no signature."""
    _, body, _ = tokens.sign(ME, keys.private_pem, 60).split(".")
    head = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{head}.{body}."


BAD_TOKENS: dict[str, Callable[[KeyPair], str]] = {
    "garbage": lambda _: "garbage",
    "expired": lambda keys: tokens.sign(ME, keys.private_pem, -1),
    "another key": lambda _: tokens.sign(ME, key_pair(new_private_key()).private_pem, 60),
    "tampered": tampered,
    "unsigned": unsigned,
}


async def test_scripts_and_other_sites_cannot_use_the_cookie(client: AsyncClient) -> None:
    for path in ("signup", "signin"):
        cookie = cookie_of(await client.post(f"/api/users/{path}", json=CREDENTIALS))
        assert cookie["httponly"]
        assert cookie["samesite"].lower() == "lax"
        assert (cookie["path"], cookie["max-age"]) == ("/", str(24 * 3600))
        assert not cookie["secure"]


async def test_the_cookie_needs_https_unless_configured_off(settings: Settings) -> None:
    default = Settings.model_validate(settings.model_dump(exclude={"cookie_secure"}))
    async with running(create_app(default)) as client:
        assert cookie_of(await client.post("/api/users/signup", json=CREDENTIALS))["secure"]
        assert cookie_of(await client.post("/api/users/signout"))["secure"]


async def test_signing_out_expires_the_cookie(client: AsyncClient) -> None:
    cookie = cookie_of(await client.post("/api/users/signout"))
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")
    assert cookie["expires"]


async def test_the_token_says_who_and_until_when(settings: Settings, jwt_keys: KeyPair) -> None:
    short = Settings.model_validate(settings.model_dump() | {"token_lifetime_seconds": 60})
    async with running(create_app(short)) as client:
        answer = await client.post("/api/users/signup", json=CREDENTIALS)
    cookie, user = cookie_of(answer), answer.json()
    assert cookie["max-age"] == "60"
    claims = claims_of(cookie.value)
    assert claims == user | {
        "sub": user["id"],
        "iss": "ticketing",
        "iat": claims["iat"],
        "exp": claims["exp"],
    }
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 60
    assert tokens.verify(cookie.value, jwt_keys.public_pem) == tokens.Principal(
        user["id"], user["email"]
    )


async def test_a_bearer_token_is_a_session_too(client: AsyncClient, jwt_keys: KeyPair) -> None:
    bearer = {"Authorization": f"Bearer {tokens.sign(ME, jwt_keys.private_pem, 60)}"}
    answer = await client.get("/api/users/currentuser", headers=bearer)
    assert answer.json() == {"currentUser": {"id": ME.id, "email": ME.email}}


async def test_new_visitor_is_not_signed_in(client: AsyncClient) -> None:
    answer = await client.get("/api/users/currentuser")
    assert (answer.status_code, answer.json()) == (200, {"currentUser": None})


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS)
async def test_a_bad_token_is_nobodys(
    client: AsyncClient, jwt_keys: KeyPair, make: Callable[[KeyPair], str]
) -> None:
    token = make(jwt_keys)
    for headers in ({"Cookie": f"session={token}"}, {"Authorization": f"Bearer {token}"}):
        answer = await client.get("/api/users/currentuser", headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"currentUser": None})
