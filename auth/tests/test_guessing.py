"""Guessing passwords."""

import asyncio
from collections import Counter

import pytest
from httpx import AsyncClient, Response

from auth.main import create_app
from auth.settings import Settings
from devstack.testing import eventually, running

EMAIL = "me@shop.test"
PASSWORD = "correct horse"


async def sign_in(client: AsyncClient, password: str, email: str = EMAIL) -> Response:
    """Try a password."""
    body = {"email": email, "password": password}
    return await client.post("/api/users/signin", json=body)


async def guess(client: AsyncClient, times: int) -> list[int]:
    """Try wrong passwords one after another; what came of it."""
    return [(await sign_in(client, f"wrong {n}")).status_code for n in range(times)]


@pytest.fixture
async def account(client: AsyncClient) -> None:
    """An account with the address that is guessed at."""
    body = {"email": EMAIL, "password": PASSWORD}
    answer = await client.post("/api/users/signup", json=body)
    assert answer.status_code == 201


@pytest.mark.usefixtures("account")
async def test_after_ten_wrong_passwords_guessing_waits(client: AsyncClient) -> None:
    assert await guess(client, 10) == [401] * 10
    for password in ("wrong", PASSWORD):
        refused = await sign_in(client, password)
        assert refused.status_code == 429
        assert refused.json() == {
            "errors": [{"message": "Too many wrong passwords, try again later"}]
        }
        assert 890 <= int(refused.headers["Retry-After"]) <= 900
        assert "Set-Cookie" not in refused.headers


async def test_an_address_without_account_is_no_different(client: AsyncClient) -> None:
    assert await guess(client, 11) == [401] * 10 + [429]


@pytest.mark.usefixtures("account")
async def test_another_account_may_still_sign_in(client: AsyncClient) -> None:
    await guess(client, 11)
    assert (await sign_in(client, "wrong", "you@shop.test")).status_code == 401


async def test_guesses_made_at_once_all_count(client: AsyncClient) -> None:
    answers = await asyncio.gather(*(sign_in(client, f"wrong {n}") for n in range(15)))
    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 5}


@pytest.mark.usefixtures("account")
async def test_a_success_forgets_the_failures(client: AsyncClient) -> None:
    assert await guess(client, 9) == [401] * 9
    assert (await sign_in(client, PASSWORD)).status_code == 200
    assert await guess(client, 11) == [401] * 10 + [429]


@pytest.mark.usefixtures("account")
async def test_after_the_window_guessing_goes_on(settings: Settings) -> None:
    limits = {"signin_failures_limit": 1, "signin_failures_window_seconds": 2}
    strict = Settings.model_validate(settings.model_dump() | limits)
    async with running(create_app(strict)) as client:
        assert await guess(client, 2) == [401, 429]
        assert (await sign_in(client, PASSWORD)).headers["Retry-After"] in {"1", "2"}

        async def is_let_in() -> bool:
            return (await sign_in(client, PASSWORD)).status_code == 200

        await eventually(is_let_in)
