"""Operators, control characters and other tricks in everything that a client may send."""

import asyncio
import json
from urllib.parse import quote, urlsplit

import pytest
from httpx import AsyncClient

from devstack.api_client import ApiClient
from devstack.running_stack import System

UNKNOWN = "0123456789abcdef01234567"
OPERATORS: list[object] = [
    {"$gt": ""},
    {"$ne": None},
    {"$regex": ".*"},
    {"$where": "sleep(10000)"},
    {"$in": [UNKNOWN]},
    [{"$gt": ""}],
    [UNKNOWN],
]
FIELDS = [
    ("POST", "/api/users/signup", {"email": "me@ticketing.test", "password": "correct horse"}),
    ("POST", "/api/users/signin", {"email": "me@ticketing.test", "password": "correct horse"}),
    ("POST", "/api/tickets", {"title": "Concert", "price": 20}),
    ("PUT", f"/api/tickets/{UNKNOWN}", {"title": "Concert", "price": 20}),
    ("POST", "/api/orders", {"ticketId": UNKNOWN}),
    ("POST", "/api/payments", {"orderId": UNKNOWN, "token": "pm_card_visa"}),
]
TITLES = {
    "control characters": "a\r\nSet-Cookie: session=x\tb\x1b[31m",
    "NUL": "a\0b",
    "right to left": "\u202etrecnoC\u202c",
    "zero width": "a\u200bb\u200d\ufeffc",
    "200 characters of 4 bytes": "\U0001f3ab" * 200,
    "combining": "e\u0301" * 100,
    "an operator": '{"$gt": ""}',
    "markup": "<script>alert(1)</script>&amp;'\"",
    "a template": "${7*7}{{7*7}}%s%n%x",
}


@pytest.mark.parametrize(("method", "path", "body"), FIELDS)
async def test_an_operator_is_a_wrong_value(
    buyer: ApiClient, method: str, path: str, body: dict[str, object]
) -> None:
    for field in body:
        for operator in OPERATORS:
            answer = await buyer.client.request(method, path, json=body | {field: operator})
            assert answer.status_code == 400, (field, operator)
            assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_operators_among_the_fields_change_nothing(seller: ApiClient) -> None:
    tricks: dict[str, object] = {
        "$set": {"price": 1},
        "__proto__": {"a": 1},
        "id": UNKNOWN,
        "userId": UNKNOWN,
    }
    tricks |= {"version": 99, "orderId": UNKNOWN, "orders": {}, "outbox": []}
    body = {"title": "Concert", "price": 20, **tricks}
    ticket = (await seller.client.post("/api/tickets", json=body)).json()
    assert (ticket["title"], ticket["price"], ticket["version"]) == ("Concert", 20, 0)
    assert UNKNOWN not in json.dumps(ticket)
    path = f"/api/tickets/{ticket['id']}"
    edited = (await seller.client.put(path, json=body | {"title": "Opera"})).json()
    assert edited == ticket | {"title": "Opera", "version": 1}


@pytest.mark.parametrize(
    "query",
    [
        "status[$ne]=cancelled",
        "status[]=complete",
        "status=complete&status=all",
        "limit[$gt]=1",
        "cursor[$gt]=1",
        "userId=" + UNKNOWN,
        "userId[$ne]=1",
        "$where=sleep(10000)",
    ],
)
async def test_query_operator_injection_reveals_nothing(
    seller: ApiClient, buyer: ApiClient, query: str
) -> None:
    order_id = await buyer.order(await seller.list_ticket())
    answer = await seller.client.get(f"/api/orders?{query}")
    assert (answer.status_code, answer.json()) == (200, [])
    assert order_id not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "status={$ne:1}",
        "status=complete&status[$ne]=x&status=$ne",
        "limit=1&limit=x",
        "limit={$gt:1}",
        "cursor={$gt:1}",
        f"cursor={UNKNOWN}%0a",
        f"cursor={UNKNOWN}%00",
        f"cursor={UNKNOWN}%0d%0aX-Evil:1",
    ],
)
async def test_query_operator_as_value_is_rejected(buyer: ApiClient, query: str) -> None:
    answer = await buyer.client.get(f"/api/orders?{query}")
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} <= {"status", "limit", "cursor"}


@pytest.mark.parametrize("kind", ["tickets", "orders", "payments"])
@pytest.mark.parametrize(
    "trick",
    [
        '{"$gt":""}',
        "[$ne]=1",
        "$where",
        "' || '1'=='1",
        f"{UNKNOWN}\0",
        f"{UNKNOWN}\r\nX-Evil: 1",
        f"{UNKNOWN}/../{UNKNOWN}",
    ],
)
async def test_a_trick_in_a_path_finds_nothing(buyer: ApiClient, kind: str, trick: str) -> None:
    answer = await buyer.client.get(f"/api/{kind}/{quote(trick, safe='')}")
    assert (answer.status_code, answer.json()) == (404, {"errors": [{"message": "Not Found"}]})
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
async def test_a_title_is_returned_as_it_was_sent(
    seller: ApiClient, buyer: ApiClient, title: str
) -> None:
    ticket_id = await seller.list_ticket(title=title)
    shown = await buyer.client.get(f"/api/tickets/{ticket_id}")
    assert shown.json()["title"] == title
    order_id = await buyer.order(ticket_id)
    order = await buyer.client.get(f"/api/orders/{order_id}")
    assert order.json()["ticket"]["title"] == title
    listed = (await buyer.client.get("/api/orders?status=all")).json()
    assert [each["ticket"]["title"] for each in listed] == [title]
    assert "set-cookie" not in shown.headers


async def test_a_password_may_hold_anything(buyer: ApiClient, stack: System) -> None:
    who = (await buyer.client.get("/api/users/currentuser")).json()["currentUser"]
    body = {"email": f"x{who['email']}", "password": "a\0b\r\n\u202e\U0001f3ab$gt"}
    async with AsyncClient(base_url=stack.gateway) as client:
        assert (await client.post("/api/users/signup", json=body)).status_code == 201
        assert (await client.post("/api/users/signin", json=body)).status_code == 200
        cut = body | {"password": "a"}
        assert (await client.post("/api/users/signin", json=cut)).status_code == 401


@pytest.mark.parametrize(
    "extra", ["colour=%0d%0aX-Evil:%201", "%0d%0aX-Evil:%201=x", "a=%22%3E;rel=x", "a=%00&b=%ff"]
)
async def test_next_link_is_one_header(seller: ApiClient, extra: str) -> None:
    for _ in range(2):
        await seller.list_ticket()
    answer = await seller.client.get(f"/api/tickets?mine=true&limit=1&{extra}")
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert answer.headers["link"].count(">") == answer.headers["link"].count("<") == 1
    following = await seller.client.get(answer.links["next"]["url"])
    assert [len(answer.json()), len(following.json())] == [1, 1]


async def raw(stack: System, request: bytes) -> bytes:
    """Everything the gateway answers to some bytes, until it hangs up."""
    where = urlsplit(stack.gateway)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "host", [b"elsewhere.test", b"[", b"[::1", b"a:99999999", b"a@b", b'a"b', b"a b", b"", b"\xff"]
)
async def test_a_strange_host_breaks_nothing(stack: System, seller: ApiClient, host: bytes) -> None:
    for _ in range(2):
        await seller.list_ticket()
    asked = b"GET /api/tickets?limit=1 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host
    answer = await raw(stack, asked)
    assert answer.split()[1] in {b"200", b"400"}
    assert b"elsewhere" not in answer


@pytest.mark.parametrize(
    "header",
    [
        b"X-Request-Id: mine\r\nX-Request-Id: other",
        b"X-Request-Id: a\nX-Evil: 1",
        b"X-Request-Id: a\rX-Evil: 1",
        b"X-Request-Id: a\0b",
        b"X-Request-Id: " + b"x" * 5_000,
    ],
)
async def test_invalid_request_id_is_not_propagated(stack: System, header: bytes) -> None:
    asked = b"GET /api/tickets HTTP/1.1\r\nHost: here\r\nConnection: close\r\n%s\r\n\r\n" % header
    head = (await raw(stack, asked)).partition(b"\r\n\r\n")[0].lower()
    assert head.split()[1] in {b"200", b"400"}
    assert b"x-evil" not in head
    assert b"mine" not in head
    assert head.count(b"x-request-id") == (1 if head.split()[1] == b"200" else 0)


@pytest.mark.parametrize(
    "smuggled",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 60",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
    ],
)
async def test_no_request_hides_in_another(stack: System, smuggled: bytes) -> None:
    asked = (
        b"POST /api/tickets HTTP/1.1\r\nHost: here\r\nConnection: close\r\n%s\r\n\r\n"
        b"0\r\n\r\nGET /api/users/currentuser HTTP/1.1\r\nHost: here\r\n\r\n"
    )
    answer = await raw(stack, asked % smuggled)
    assert b"currentUser" not in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.split()[1][:1] == b"4" or answer.split()[1] == b"501"
