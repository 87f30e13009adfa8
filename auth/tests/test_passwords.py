"""Hashing passwords, never too many at once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from auth.passwords import (
    MAX_CONCURRENT,
    MAX_CONCURRENT_PER_ADDRESS,
    hash_password,
    hashing_slot,
    verify_password,
)
from common.contracts.ids import new_id
from devstack.testing import running

PASSWORD = "correct horse"


def somebody() -> dict[str, str]:
    """Who wants an account."""
    return {"email": f"{new_id()}@shop.test", "password": PASSWORD}


@contextmanager
def slots_in_use(address: str, count: int) -> Iterator[None]:
    """So many requests of an address are at work."""
    with ExitStack() as taken:
        for _ in range(count):
            taken.enter_context(hashing_slot(address))
        yield


async def test_a_hash_is_argon2id_as_owasp_advises() -> None:
    assert (await hash_password(PASSWORD)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_each_hash_has_its_own_salt() -> None:
    hashes = {await hash_password(PASSWORD) for _ in range(2)}
    assert len(hashes) == 2
    assert [await verify_password(PASSWORD, each) for each in hashes] == [True, True]


@pytest.mark.parametrize("wrong", ["", "correct hors", "Correct horse", "correct horse "])
async def test_only_the_password_itself_fits(wrong: str) -> None:
    assert not await verify_password(wrong, await hash_password(PASSWORD))


@pytest.mark.parametrize("malformed", ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$abc"])
async def test_nothing_fits_a_malformed_hash(malformed: str) -> None:
    assert not await verify_password(PASSWORD, malformed)


@pytest.mark.parametrize("guess", [PASSWORD, "", "there is no account with this address"])
async def test_nothing_fits_where_there_is_no_account(guess: str) -> None:
    assert not await verify_password(guess, None)


async def test_one_address_cannot_keep_the_others_from_hashing(app: FastAPI) -> None:
    greedy, modest = ASGITransport(app, client=("192.0.2.1", 1)), ASGITransport(app)
    async with (
        running(app),
        AsyncClient(transport=greedy, base_url="http://ticketing.test") as one,
        AsyncClient(transport=modest, base_url="http://ticketing.test") as other,
    ):
        with slots_in_use("192.0.2.1", MAX_CONCURRENT_PER_ADDRESS):
            for way in ("signup", "signin"):
                refused = await one.post(f"/api/users/{way}", json=somebody())
                assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert (await other.post("/api/users/signup", json=somebody())).status_code == 201
        assert (await one.post("/api/users/signup", json=somebody())).status_code == 201


async def test_all_addresses_together_cannot_hash_without_end(client: AsyncClient) -> None:
    with (
        slots_in_use("192.0.2.1", MAX_CONCURRENT_PER_ADDRESS),
        slots_in_use("192.0.2.2", MAX_CONCURRENT - MAX_CONCURRENT_PER_ADDRESS),
    ):
        assert (await client.post("/api/users/signup", json=somebody())).status_code == 503
    assert (await client.post("/api/users/signup", json=somebody())).status_code == 201


async def test_a_guess_that_found_no_place_was_none(client: AsyncClient) -> None:
    account = somebody()
    with slots_in_use("127.0.0.1", MAX_CONCURRENT_PER_ADDRESS):
        for _ in range(12):
            assert (await client.post("/api/users/signin", json=account)).status_code == 503
    assert (await client.post("/api/users/signin", json=account)).status_code == 401


async def test_requests_beyond_hashing_slots_get_503(client: AsyncClient) -> None:
    crowd = [client.post("/api/users/signup", json=somebody()) for _ in range(100)]
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*crowd))
    assert set(statuses) <= {201, 503}
    assert statuses[201] >= MAX_CONCURRENT_PER_ADDRESS
    assert (await client.post("/api/users/signup", json=somebody())).status_code == 201
