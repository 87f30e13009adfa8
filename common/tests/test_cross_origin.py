"""Pages of other sites cannot act for somebody who is signed in."""

import pytest
from httpx import AsyncClient

from devstack.testing import SignIn

PATH = "/api/tallies"
BODY = {"title": "a", "price": 20}
HOST = {"Host": "shop.test:8080"}
REFUSED = {"errors": [{"message": "Requests from other sites are refused"}]}

OURS = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.test"},
    {"Origin": "http://shop.test:8080"},
    {"Origin": "https://shop.test:8080"},
    {"Origin": ""},
]
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "whatever"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://shop.test:8080"},
    {"Origin": "http://elsewhere.test"},
    {"Origin": "http://shop.test"},
    {"Origin": "http://shop.test:8081"},
    {"Origin": "http://shop.test:8080.elsewhere.test"},
    {"Origin": "http://me@shop.test:8080"},
    {"Origin": "shop.test:8080"},
    {"Origin": "null"},
    {"Origin": "http://["},
]


@pytest.mark.parametrize("headers", OURS)
async def test_our_own_pages_and_programs_are_served(
    client: AsyncClient, sign_in: SignIn, headers: dict[str, str]
) -> None:
    sent = HOST | headers | sign_in().headers
    assert (await client.post(f"{PATH}/mine", json=BODY, headers=sent)).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
async def test_other_sites_are_refused(
    client: AsyncClient, sign_in: SignIn, headers: dict[str, str]
) -> None:
    sent = HOST | headers | sign_in().headers
    answer = await client.post(f"{PATH}/mine", json=BODY, headers=sent)
    assert (answer.status_code, answer.json()) == (403, REFUSED)
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
async def test_whatever_may_change_something_is_guarded(client: AsyncClient, method: str) -> None:
    answer = await client.request(method, PATH, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.json()) == (403, REFUSED)


@pytest.mark.parametrize("headers", FOREIGN)
async def test_other_sites_may_link_to_us(client: AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get(PATH, headers=HOST | headers)).status_code == 200


async def test_the_refusal_is_documented_where_it_can_happen(client: AsyncClient) -> None:
    paths = (await client.get(f"{PATH}/openapi.json")).json()["paths"]
    assert {"403", "408"} < set(paths[PATH]["post"]["responses"])
    assert not {"403", "408"} & set(paths[PATH]["get"]["responses"])
