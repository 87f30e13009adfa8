"""Hashing passwords."""

import pytest

from auth.passwords import hash_password, verify_password

PASSWORD = "correct horse"


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
