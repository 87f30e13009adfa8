"""Forged sessions, and requests that other sites make, at every door behind the gateway."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from contextlib import suppress

import jwt
import pytest
from httpx import AsyncClient, ReadError, WriteError

from common.contracts.ids import new_id
from devstack.api_client import ApiClient
from devstack.keys import KeyPair, load_or_create, new_private_key
from devstack.running_stack import RunningStack, System

UNKNOWN = "0123456789abcdef01234567"
DOORS = [
    ("POST", "/api/tickets"),
    ("PUT", f"/api/tickets/{UNKNOWN}"),
    ("GET", "/api/tickets?mine=true"),
    ("POST", "/api/orders"),
    ("GET", "/api/orders"),
    ("GET", f"/api/orders/{UNKNOWN}"),
    ("DELETE", f"/api/orders/{UNKNOWN}"),
    ("POST", "/api/payments"),
    ("GET", f"/api/payments/{UNKNOWN}"),
]
NOT_AUTHORIZED = {"errors": [{"message": "Not authorized"}]}
NOBODY = {"currentUser": None}
Claims = dict[str, object]


@pytest.fixture
def keys(launched: RunningStack) -> KeyPair:
    """What the stack signs sessions with."""
    return load_or_create(launched.logs.parent / "keys").session_keys


def claims(**changes: object) -> Claims:
    """What a valid session says, with changes; None leaves a claim out."""
    now, user = int(time.time()), new_id()
    right = {"sub": user, "id": user, "email": "somebody@ticketing.test", "iss": "ticketing"}
    changed = {**right, "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def signed(keys: KeyPair, **changes: object) -> str:
    """A token with the stack's own signature and changed claims."""
    return jwt.encode(claims(**changes), keys.private_pem, algorithm="EdDSA")


def by_hand(algorithm: str, signature: Callable[[bytes], bytes]) -> str:
    """A token that no library would sign."""
    parts: list[Claims] = [{"alg": algorithm, "typ": "JWT"}, claims()]
    text = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return b".".join([text, _base64url(signature(text))]).decode()


def _base64url(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def confused(keys: KeyPair) -> str:
    """Signed with the public key, as if it were a shared secret."""
    key = keys.public_pem.encode()
    return by_hand("HS256", lambda text: hmac.new(key, text, hashlib.sha256).digest())


FORGED: dict[str, Callable[[KeyPair], str]] = {
    "signed with the public key": confused,
    "unsigned": lambda _: by_hand("none", lambda _: b""),
    "of another key": lambda _: jwt.encode(claims(), new_private_key(), algorithm="EdDSA"),
    "of another issuer": lambda keys: signed(keys, iss="somebody-else"),
    "expired": lambda keys: signed(keys, exp=int(time.time()) - 1),
    "from tomorrow": lambda keys: signed(keys, iat=int(time.time()) + 86_400),
    "without a subject": lambda keys: signed(keys, sub=None),
    "with an object as subject": lambda keys: signed(keys, sub={"$gt": ""}),
    "with a number as subject": lambda keys: signed(keys, sub=7),
    "garbage": lambda _: "garbage",
    "long": lambda _: "x" * 8_000,
}


async def test_a_fine_session_opens_the_doors(
    browser: Callable[[], AsyncClient], keys: KeyPair
) -> None:
    client = browser()
    client.headers["Authorization"] = f"Bearer {signed(keys)}"
    for method, path in DOORS:
        assert (await client.request(method, path)).status_code in {200, 400, 404, 415}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_session_opens_no_door(
    browser: Callable[[], AsyncClient], keys: KeyPair, forge: Callable[[KeyPair], str]
) -> None:
    token, client = forge(keys), browser()
    for headers in ({"Cookie": f"session={token}"}, {"Authorization": f"Bearer {token}"}):
        for method, path in DOORS:
            answer = await client.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()) == (401, NOT_AUTHORIZED), (method, path)
        who = await client.get("/api/users/currentuser", headers=headers)
        assert (who.status_code, who.json()) == (200, NOBODY)


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Digest", "Negotiate"])
async def test_a_session_in_another_scheme_is_none(
    browser: Callable[[], AsyncClient], keys: KeyPair, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {signed(keys)}"}
    for method, path in DOORS:
        assert (await browser().request(method, path, headers=headers)).status_code == 401


async def test_of_two_cookies_a_forged_one_gains_nothing(
    browser: Callable[[], AsyncClient], keys: KeyPair
) -> None:
    mine, forged = signed(keys, email="mine@ticketing.test"), confused(keys)
    for first, second in ((mine, forged), (forged, mine)):
        headers = {"Cookie": f"session={first}; session={second}"}
        answer = await browser().get("/api/users/currentuser", headers=headers)
        user = answer.json()["currentUser"]
        assert user is None or user["email"] == "mine@ticketing.test"


@pytest.mark.parametrize("name", ["Cookie", "Authorization", "X-Anything"])
async def test_oversized_headers_are_refused_and_harm_nobody(
    browser: Callable[[], AsyncClient], name: str
) -> None:
    client = browser()
    for size, status in ((10_000, 200), (30_000, 431), (900_000, 431)):
        with suppress(ReadError, WriteError):  # who still sends when it is cut off may not hear why
            answer = await client.get("/api/tickets", headers={name: "session=" + "x" * size})
            assert answer.status_code == status
    assert (await client.get("/api/tickets")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://sub.127.0.0.1"},
        {"Origin": "http://elsewhere.test"},
        {"Origin": "null"},
    ],
)
async def test_csrf_requests_are_rejected(
    seller: ApiClient, buyer: ApiClient, headers: dict[str, str]
) -> None:
    ticket_id = await seller.list_ticket()
    order_id = await buyer.order(ticket_id)
    await seller.wait_ticket_held(ticket_id, order_id)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    ask = buyer.client.request
    for answer in (
        await ask("POST", "/api/users/signout", headers=headers),
        await ask("POST", "/api/users/signout", headers=headers | form, content=b"a=b"),
        await ask("POST", "/api/tickets", headers=headers, json={"title": "a", "price": 20}),
        await ask("DELETE", f"/api/orders/{order_id}", headers=headers),
        await ask("POST", "/api/orders", headers=headers, json={"ticketId": ticket_id}),
        await ask("POST", "/api/payments", headers=headers, json={"orderId": order_id}),
    ):
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert (await ask("GET", "/api/users/currentuser", headers=headers)).json()["currentUser"]
    assert (await ask("GET", "/api/tickets?mine=true")).json() == []
    order = (await ask("GET", f"/api/orders/{order_id}")).json()
    assert order.get("cancelReason") != "buyer"


async def test_our_own_page_goes_on_working(seller: ApiClient, stack: System) -> None:
    for headers in (
        {"Sec-Fetch-Site": "same-origin", "Origin": stack.gateway},
        {"Origin": stack.gateway},
    ):
        body = {"title": "Concert", "price": 20}
        listed = await seller.client.post("/api/tickets", json=body, headers=headers)
        assert listed.status_code == 201


async def test_spoofed_addresses_give_no_new_attempts(
    browser: Callable[[], AsyncClient], buyer: ApiClient
) -> None:
    who = (await buyer.client.get("/api/users/currentuser")).json()["currentUser"]
    body, client = {"email": who["email"], "password": "wrong horse"}, browser()
    tried = [
        (await client.post("/api/users/signin", json=body, headers=invented(n))).status_code
        for n in range(12)
    ]
    assert tried == [401] * 10 + [429] * 2


def invented(number: int) -> dict[str, str]:
    """Headers in which somebody might be looking for an address."""
    address = f"203.0.113.{number}"
    return {
        "X-Forwarded-For": address,
        "X-Real-IP": address,
        "Forwarded": f"for={address}",
        "True-Client-IP": address,
    }
