"""Signing up, in and out over HTTP."""

import asyncio
from collections import Counter

import pytest
from httpx import AsyncClient, Response

EMAIL = "me@shop.test"
PASSWORD = "correct horse"
WRONG_EMAIL = {"message": "Email must be valid", "field": "email"}
WRONG_PASSWORD = {
    "message": "Password must be between 8 and 128 characters",
    "field": "password",
}
NO_PASSWORD = {"message": "You must supply a password", "field": "password"}


async def sign(
    client: AsyncClient, direction: str, email: object = EMAIL, password: object = PASSWORD
) -> Response:
    """Sign "up" or "in"."""
    body = {"email": email, "password": password}
    return await client.post(f"/api/users/sign{direction}", json=body)


async def test_signing_up_opens_a_session(client: AsyncClient) -> None:
    answer = await sign(client, "up")
    assert answer.status_code == 201
    user = answer.json()
    assert user == {"id": user["id"], "email": EMAIL}
    shown = await client.get("/api/users/currentuser")
    assert shown.json() == {"currentUser": user}


async def test_signing_in_finds_the_same_account(client: AsyncClient) -> None:
    user = (await sign(client, "up")).json()
    client.cookies.clear()
    answer = await sign(client, "in")
    assert (answer.status_code, answer.json()) == (200, user)
    assert (await client.get("/api/users/currentuser")).json() == {"currentUser": user}


@pytest.mark.parametrize(
    "email",
    ["", "me", "me@shop", "me@@shop.test", "a b@shop.test", "@shop.test", "me@shop.test.", None, 7],
)
async def test_an_impossible_address_is_refused(client: AsyncClient, email: object) -> None:
    for direction in ("up", "in"):
        answer = await sign(client, direction, email=email)
        assert (answer.status_code, answer.json()) == (400, {"errors": [WRONG_EMAIL]})
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("password", ["", "p", "p" * 7, "p" * 129, None, 12345678])
async def test_a_new_password_has_its_bounds(client: AsyncClient, password: object) -> None:
    answer = await sign(client, "up", password=password)
    assert (answer.status_code, answer.json()) == (400, {"errors": [WRONG_PASSWORD]})


@pytest.mark.parametrize("password", ["p" * 8, "p" * 128, " " * 8, "pässwört 🎫"])
async def test_any_password_within_the_bounds_works(client: AsyncClient, password: str) -> None:
    assert (await sign(client, "up", password=password)).status_code == 201
    assert (await sign(client, "in", password=password)).status_code == 200
    assert (await sign(client, "in", password=password[:-1])).status_code == 401


@pytest.mark.parametrize(
    ("direction", "problems"),
    [("up", [WRONG_EMAIL, WRONG_PASSWORD]), ("in", [WRONG_EMAIL, NO_PASSWORD])],
)
async def test_each_wrong_field_is_named(
    client: AsyncClient, direction: str, problems: list[dict[str, str]]
) -> None:
    missing = await client.post(f"/api/users/sign{direction}", json={})
    assert (missing.status_code, missing.json()) == (400, {"errors": problems})
    wrong = await sign(client, direction, email="me", password="")
    assert (wrong.status_code, wrong.json()) == (400, {"errors": problems})


async def test_an_address_is_one_account_in_any_spelling(client: AsyncClient) -> None:
    user = (await sign(client, "up", email="  Me@Shop.TEST ")).json()
    assert user["email"] == EMAIL
    client.cookies.clear()
    again = await sign(client, "up", email="ME@shop.test")
    assert (again.status_code, again.json()) == (409, {"errors": [{"message": "Email in use"}]})
    assert "Set-Cookie" not in again.headers
    assert (await sign(client, "in", email=" mE@shop.test")).json() == user


async def test_one_of_many_signups_at_once_wins(client: AsyncClient) -> None:
    answers = await asyncio.gather(*(sign(client, "up") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}


async def test_wrong_passwords_and_unknown_accounts_look_alike(client: AsyncClient) -> None:
    await sign(client, "up")
    wrong = await sign(client, "in", password="wrong horse")
    unknown = await sign(client, "in", email="nobody@shop.test")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json() == {"errors": [{"message": "Invalid credentials"}]}
    assert "Set-Cookie" not in wrong.headers


async def test_no_answer_ever_shows_a_password(client: AsyncClient) -> None:
    answers = [
        await sign(client, "up"),
        await sign(client, "up"),
        await sign(client, "up", email="me"),
        await sign(client, "in"),
        await sign(client, "in", email="nobody@shop.test"),
        await client.get("/api/users/currentuser"),
    ]
    assert [answer.status_code for answer in answers] == [201, 409, 400, 200, 401, 200]
    assert [answer for answer in answers if PASSWORD in answer.text] == []
    assert [answer for answer in answers if "argon2" in answer.text] == []


async def test_signing_out_closes_the_session(client: AsyncClient) -> None:
    user = (await sign(client, "up")).json()
    answer = await client.post("/api/users/signout", json={})
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await client.get("/api/users/currentuser")).json() == {"currentUser": None}
    assert (await sign(client, "in")).json() == user


async def test_signing_out_works_without_a_session(client: AsyncClient) -> None:
    for headers in ({}, {"Cookie": "session=garbage"}):
        answer = await client.post("/api/users/signout", headers=headers)
        assert (answer.status_code, answer.json()) == (200, {})
