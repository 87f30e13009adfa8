"""Guessing passwords: from one address, at many accounts, from many addresses, at once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from auth.main import create_app
from auth.settings import Settings
from auth.throttle import network_of
from common.mongo import Database
from devstack.scraping import delta, scrape
from devstack.testing import eventually, running

EMAIL = "me@shop.test"
PASSWORD = "correct horse"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
STRANGERS = [f"203.0.113.{n}" for n in range(1, 30)]

Browse = Callable[[str], AsyncClient]
"""Opens a browser at an address."""


async def sign_in(client: AsyncClient, password: str, email: str = EMAIL) -> Response:
    """Try a password."""
    body = {"email": email, "password": password}
    return await client.post("/api/users/signin", json=body)


async def guess(client: AsyncClient, times: int, email: str = EMAIL) -> list[int]:
    """Try wrong passwords one after another; what came of it."""
    return [(await sign_in(client, f"wrong {n}", email)).status_code for n in range(times)]


async def sign_up(client: AsyncClient, email: str = EMAIL) -> None:
    """Open an account."""
    answer = await client.post("/api/users/signup", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits that a test reaches soon: 3 for a pair, 6 for an address, 9 for an account."""
    limits = {
        "signin_failures_limit": 3,
        "signin_failures_per_address_limit": 6,
        "signin_failures_per_account_limit": 9,
    }
    return Settings.model_validate(settings.model_dump() | limits)


@pytest.fixture
async def browse(app: FastAPI, client: AsyncClient) -> AsyncIterator[Browse]:  # noqa: ARG001
    """Browsers at any address, before the running service."""
    async with AsyncExitStack() as opened:

        def make(address: str) -> AsyncClient:
            transport = ASGITransport(app, client=(address, 50_000))
            browser = AsyncClient(transport=transport, base_url="http://ticketing.test")
            opened.push_async_callback(browser.aclose)
            return browser

        yield make


@pytest.fixture
async def home(browse: Browse) -> AsyncClient:
    """Where the owner of the account has signed up."""
    home = browse(HOME)
    await sign_up(home)
    return home


async def test_by_default_ten_wrong_passwords_are_enough(
    environment: dict[str, str], settings: Settings
) -> None:
    key = {"jwt_private_key": settings.jwt_private_key}
    async with running(create_app(Settings.model_validate(environment | key))) as client:
        assert await guess(client, 11) == [401] * 10 + [429]


@pytest.mark.usefixtures("home")
async def test_after_too_many_wrong_passwords_guessing_waits(browse: Browse) -> None:
    stranger = browse(AWAY)
    assert await guess(stranger, 3) == [401] * 3
    for password in ("wrong", PASSWORD):
        refused = await sign_in(stranger, password)
        assert refused.status_code == 429
        assert refused.json() == {
            "errors": [{"message": "Too many wrong passwords, try again later"}]
        }
        assert 890 <= int(refused.headers["Retry-After"]) <= 900
        assert "Set-Cookie" not in refused.headers


async def test_an_address_without_account_is_no_different(browse: Browse) -> None:
    assert await guess(browse(AWAY), 4) == [401] * 3 + [429]


@pytest.mark.usefixtures("home")
async def test_an_address_without_account_takes_as_long(browse: Browse) -> None:
    async def cpu_seconds(email: str, address: str) -> float:
        stranger, begun = browse(address), time.process_time()
        assert (await sign_in(stranger, "wrong", email)).status_code == 401
        return time.process_time() - begun

    known, unknown = zip(
        *[
            (await cpu_seconds(EMAIL, address), await cpu_seconds("nobody@shop.test", address))
            for address in STRANGERS[:6]  # in turns: the machine is as busy for both
        ],
        strict=True,
    )
    assert min(unknown) > min(known) / 2


@pytest.mark.usefixtures("home")
async def test_another_account_may_still_sign_in(browse: Browse) -> None:
    stranger = browse(AWAY)
    await guess(stranger, 4)
    assert (await sign_in(stranger, "wrong", "you@shop.test")).status_code == 401


async def test_guesses_made_at_once_all_count(browse: Browse) -> None:
    stranger = browse(AWAY)
    answers = await asyncio.gather(*(sign_in(stranger, f"wrong {n}") for n in range(15)))
    assert Counter(answer.status_code for answer in answers) == {401: 3, 429: 12}


async def test_guesses_at_two_replicas_count_together(settings: Settings) -> None:
    async with running(create_app(settings)) as one, running(create_app(settings)) as other:
        answers = await asyncio.gather(
            *(sign_in(replica, f"wrong {n}") for n in range(8) for replica in (one, other))
        )
        assert Counter(answer.status_code for answer in answers) == {401: 3, 429: 13}
        assert [(await sign_in(each, "wrong")).status_code for each in (one, other)] == [429] * 2


@pytest.mark.usefixtures("home")
async def test_an_address_that_tries_many_accounts_waits(browse: Browse) -> None:
    stranger = browse(AWAY)
    tried = [(await guess(stranger, 1, f"somebody{n}@shop.test"))[0] for n in range(8)]
    assert tried == [401] * 6 + [429] * 2
    refused = await sign_in(stranger, PASSWORD)
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (429, False)


async def test_many_addresses_that_try_one_account_wait(home: AsyncClient, browse: Browse) -> None:
    tried = [(await guess(browse(address), 1))[0] for address in STRANGERS[:12]]
    assert tried == [401] * 9 + [429] * 3
    assert (await sign_in(browse(AWAY), PASSWORD)).status_code == 429
    assert (await sign_in(home, PASSWORD)).status_code == 200


async def test_owner_signs_in_from_known_address(browse: Browse) -> None:
    await sign_up(browse(HOME))
    assert (await sign_in(browse(AWAY), PASSWORD)).status_code == 200
    for address in STRANGERS:
        await guess(browse(address), 4)
    for usual in (HOME, AWAY):
        assert (await sign_in(browse(usual), PASSWORD)).status_code == 200


async def test_password_spraying_neighbour_does_not_lock_out_owner(
    home: AsyncClient, browse: Browse
) -> None:
    neighbour = browse(HOME)
    tried = [(await guess(neighbour, 1, f"somebody{n}@shop.test"))[0] for n in range(7)]
    assert tried == [401] * 6 + [429]
    assert (await sign_in(home, PASSWORD)).status_code == 200


@pytest.mark.usefixtures("home")
async def test_a_guess_that_is_refused_counts_nowhere(browse: Browse) -> None:
    stranger = browse(AWAY)
    await asyncio.gather(*(sign_in(stranger, f"wrong {n}") for n in range(30)))
    assert await guess(browse(STRANGERS[0]), 1) == [401]
    assert await guess(stranger, 4, "you@shop.test") == [401, 401, 401, 429]


@pytest.mark.usefixtures("home")
async def test_rejected_attempts_do_not_extend_the_wait(browse: Browse, database: Database) -> None:
    for address in STRANGERS[:9]:
        await guess(browse(address), 1)
    away = browse(AWAY)
    assert await guess(away, 4) == [429] * 4
    over = {"$set": {"until": datetime.now(UTC)}}
    assert await database.collection("guesses").update({"count": 9}, over)
    assert (await sign_in(away, PASSWORD)).status_code == 200


async def test_a_success_forgets_the_failures(home: AsyncClient) -> None:
    assert await guess(home, 2) == [401] * 2
    assert (await sign_in(home, PASSWORD)).status_code == 200
    assert await guess(home, 4) == [401] * 3 + [429]


async def test_a_success_takes_back_only_itself_elsewhere(browse: Browse) -> None:
    await sign_up(browse(HOME))
    strangers = [browse(address) for address in STRANGERS]
    assert [(await guess(stranger, 1))[0] for stranger in strangers[:8]] == [401] * 8
    assert (await sign_in(browse(AWAY), PASSWORD)).status_code == 200
    assert [(await guess(stranger, 1))[0] for stranger in strangers[8:11]] == [401, 429, 429]


async def test_after_the_window_guessing_goes_on(settings: Settings) -> None:
    limits = {"signin_failures_limit": 1, "signin_failures_window_seconds": 2}
    strict = Settings.model_validate(settings.model_dump() | limits)
    async with running(create_app(strict)) as client:
        await sign_up(client)

        async def is_refused() -> bool:
            answer = await sign_in(client, "wrong")
            assert answer.headers.get("Retry-After", "1") in {"1", "2"}
            return answer.status_code == 429

        await eventually(is_refused)

        async def is_let_in() -> bool:
            return (await sign_in(client, PASSWORD)).status_code == 200

        await eventually(is_let_in)


async def test_the_longest_wait_is_told(browse: Browse, database: Database) -> None:
    for address in STRANGERS[:3]:
        await guess(browse(address), 3)
    longer = {"$set": {"until": datetime.now(UTC) + timedelta(seconds=1_800)}}
    assert await database.collection("guesses").update({"count": 9}, longer)
    refused = await sign_in(browse(STRANGERS[0]), "wrong")
    assert 1_790 <= int(refused.headers["Retry-After"]) <= 1_800


async def test_a_place_is_forgotten_after_a_month(browse: Browse, database: Database) -> None:
    await sign_up(browse(HOME))
    places = database.collection("places")
    [place] = await places.find({}, sort=[("_id", 1)], limit=2)
    days = (place["until"] - datetime.now(UTC)) / timedelta(days=1)
    assert days == pytest.approx(30, abs=0.01)
    await places.update({}, {"$set": {"until": datetime.now(UTC)}})
    for address in STRANGERS[:12]:
        await guess(browse(address), 1)
    assert (await sign_in(browse(HOME), PASSWORD)).status_code == 429


async def test_counters_show_nobodys_address(
    home: AsyncClient, browse: Browse, database: Database
) -> None:
    await guess(home, 1)
    await guess(browse(AWAY), 1)
    kept = [
        document
        for name in ("guesses", "places")
        for document in await database.collection(name).find({}, sort=[("_id", 1)], limit=99)
    ]
    assert len(kept) == 5  # two pairs, an address, an account; a place
    assert [word for word in (EMAIL, "me", HOME, AWAY) if f"'{word}" in str(kept)] == []
    assert "@" not in str(kept)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("somewhere", "somewhere"),
        ("", ""),
    ],
)
def test_ipv6_network_counts_as_one_client(host: str, network: str) -> None:
    assert network_of(host) == network


async def test_one_network_of_ipv6_addresses_is_one_client(browse: Browse) -> None:
    tried = [(await guess(browse(f"2001:db8::{n}"), 1))[0] for n in range(1, 6)]
    assert tried == [401, 401, 401, 429, 429]
    assert await guess(browse("2001:db8:0:1::1"), 1) == [401]


async def test_whoever_is_refused_is_counted(home: AsyncClient) -> None:
    before = await scrape(home)
    await guess(home, 5)
    counted = delta(before, await scrape(home), "signins_throttled_total")
    assert counted == {frozenset(): 2}
