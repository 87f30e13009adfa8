"""Whatever a client sends, the answer is 4xx in the envelope, with the field named."""

import json

import pytest
from httpx import Response

from devstack.api_client import ApiClient

UNKNOWN = "0123456789abcdef01234567"

TEXT = {"null": "null", "an array": "[]", "an object": '{"$gt": ""}', "a flag": "true"}
TEXT |= {"a number": "12", "empty": '""', "too long": json.dumps("x" * 5_000)}
TEXT |= {"a lone surrogate": '"\\ud800"', "missing": ""}
PRICE = {**TEXT, "negative": "-1", "zero": "0", "too small": "0.49", "too large": "1000000"}
PRICE |= {"an exponent in text": '"1e3"', "three decimals": "19.999", "words": '"ten"'}
PRICE |= {"infinite": "1e999", "a huge exponent": "1e99999999999"}
del PRICE["a number"]
ID = {**TEXT, "blanks": '"   "', "too short": '"abc"', "not hex": json.dumps("g" * 24)}

# For each field: a fine value, and values that are wrong in all the ways that matter.
FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "email": ('"somebody@ticketing.test"', {**TEXT, "no domain": '"me@"', "two @": '"a@b@c.de"'}),
    "password": ('"correct horse"', TEXT),
    "title": ('"Concert"', {**TEXT, "blanks": '"   "'}),
    "price": ("20", PRICE),
    "ticketId": (json.dumps(UNKNOWN), ID),
    "orderId": (json.dumps(UNKNOWN), ID),
    "token": ('"pm_card_visa"', {**TEXT, "not a card": '"visa"', "blanks": '"   "'}),
}
ROUTES = {
    ("POST", "/api/users/signup"): ("email", "password"),
    ("POST", "/api/users/signin"): ("email", "password"),
    ("POST", "/api/tickets"): ("title", "price"),
    ("PUT", f"/api/tickets/{UNKNOWN}"): ("title", "price"),
    ("POST", "/api/orders"): ("ticketId",),
    ("POST", "/api/payments"): ("token", "orderId"),
}
BODIES = {
    "nothing": "",
    "malformed": '{"a": ',
    "an array": "[]",
    "null": "null",
    "text": '"hello"',
    "a number": "12",
    "NaN": '{"price": NaN}',
    "deeply nested": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "not UTF-8": "\udcff",
    "an empty object": "{}",
}


async def send(person: ApiClient, method: str, path: str, body: str) -> Response:
    """Send a text as if it were JSON."""
    content = body.encode(errors="surrogateescape")
    headers = {"Content-Type": "application/json"}
    return await person.client.request(method, path, content=content, headers=headers)


def errors_of(answer: Response, *statuses: int) -> list[dict[str, str]]:
    """The errors in the envelope; there is nothing else in the answer."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["errors"]
    assert body["errors"]
    assert all(error["message"] and set(error) <= {"message", "field"} for error in body["errors"])
    errors: list[dict[str, str]] = body["errors"]
    return errors


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_wrong_field_is_named(buyer: ApiClient, method: str, path: str) -> None:
    for wrong in ROUTES[method, path]:
        for name, value in FIELDS[wrong][1].items():
            body = {field: FIELDS[field][0] for field in ROUTES[method, path]} | {wrong: value}
            pairs = ", ".join(f'"{key}": {text}' for key, text in body.items() if text)
            errors = errors_of(await send(buyer, method, path, f"{{{pairs}}}"), 400)
            assert [error["field"] for error in errors] == [wrong], (wrong, name)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_wrong_body_is_refused(buyer: ApiClient, method: str, path: str) -> None:
    for body in BODIES.values():
        errors_of(await send(buyer, method, path, body), 400)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_another_kind_of_body_is_refused(buyer: ApiClient, method: str, path: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = await buyer.client.request(
            method, path, content=b"a=b", headers={"Content-Type": kind}
        )
        errors_of(answer, 415)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_large_body_is_refused(buyer: ApiClient, method: str, path: str) -> None:
    errors_of(await send(buyer, method, path, json.dumps({"title": "x" * 70_000})), 413)


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/ticketsfoo", "/api/tickets/", "/api/users"]
)
async def test_an_unknown_route_is_not_found(buyer: ApiClient, path: str) -> None:
    assert errors_of(await buyer.client.get(path), 404) == [{"message": "Not Found"}]


@pytest.mark.parametrize("kind", ["tickets", "orders", "payments"])
@pytest.mark.parametrize(
    "bad_id", ["abc", "0", "g" * 24, "A" * 24, "%00", "%ff", "..%2f", "x" * 999]
)
async def test_a_bad_id_is_not_found(buyer: ApiClient, kind: str, bad_id: str) -> None:
    errors_of(await buyer.client.get(f"/api/{kind}/{bad_id}"), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/tickets"),
        ("PATCH", f"/api/tickets/{UNKNOWN}"),
        ("PUT", "/api/orders"),
        ("GET", "/api/users/signup"),
        ("DELETE", "/api/payments"),
    ],
)
async def test_a_wrong_method_is_refused(buyer: ApiClient, method: str, path: str) -> None:
    answer = await buyer.client.request(method, path)
    errors_of(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/api/tickets", "/api/orders"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("cursor=abc", "cursor"),
    ],
)
async def test_a_wrong_query_is_refused(
    buyer: ApiClient, path: str, query: str, field: str
) -> None:
    [error] = errors_of(await buyer.client.get(f"{path}?{query}"), 400)
    assert error["field"] == field


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/tickets"),
        ("PUT", f"/api/tickets/{UNKNOWN}"),
        ("GET", "/api/tickets?mine=true"),
        ("POST", "/api/orders"),
        ("GET", "/api/orders"),
        ("GET", f"/api/orders/{UNKNOWN}"),
        ("DELETE", f"/api/orders/{UNKNOWN}"),
        ("POST", "/api/payments"),
        ("GET", f"/api/payments/{UNKNOWN}"),
    ],
)
async def test_strangers_are_asked_to_sign_in(buyer: ApiClient, method: str, path: str) -> None:
    buyer.client.cookies.clear()
    assert errors_of(await send(buyer, method, path, '{"broken'), 401)
