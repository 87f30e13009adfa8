"""Every failure has the same shape, and says no more than the caller should know."""

import pytest
from httpx import AsyncClient

FAILURES = "/api/tallies/failures"


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("invalid", 400, {"message": "No such card", "field": "token"}),
        ("anonymous", 401, {"message": "Not authorized"}),
        ("declined", 402, {"message": "Declined"}),
        ("forbidden", 403, {"message": "Not yours"}),
        ("unknown", 404, {"message": "Not Found"}),
        ("conflict", 409, {"message": "Already reserved"}),
        ("often", 429, {"message": "Too often"}),
        ("crash", 500, {"message": "Something went wrong"}),
        ("unavailable", 503, {"message": "Service unavailable, try again in a moment"}),
    ],
)
async def test_a_failure_has_its_status_and_message(
    client: AsyncClient, name: str, status: int, error: dict[str, str]
) -> None:
    answer = await client.get(f"{FAILURES}/{name}")
    assert (answer.status_code, answer.json()) == (status, {"errors": [error]})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("name", "seconds"), [("often", "7"), ("unavailable", "1")])
async def test_a_passing_failure_says_when_to_return(
    client: AsyncClient, name: str, seconds: str
) -> None:
    assert (await client.get(f"{FAILURES}/{name}")).headers["Retry-After"] == seconds


@pytest.mark.parametrize("path", ["/", "/api", "/api/tallies/", "/api/talliesx", "/docs", "/%00"])
async def test_an_unknown_route_is_not_found(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"errors": [{"message": "Not Found"}]})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_a_wrong_method_names_the_right_ones(client: AsyncClient, method: str) -> None:
    answer = await client.request(method, f"{FAILURES}/crash")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert answer.json() == {"errors": [{"message": "Method Not Allowed"}]}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=ten", ["limit"]),
        ("cursor=abc", ["cursor"]),
        ("cursor=", ["cursor"]),
        ("limit=0&cursor=abc", ["limit", "cursor"]),
    ],
)
async def test_each_wrong_parameter_is_named(
    client: AsyncClient, query: str, fields: list[str]
) -> None:
    answer = await client.get(f"/api/tallies?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == fields
