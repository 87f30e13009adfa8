"""The secrets of a stack."""

from pathlib import Path

import jwt

from devstack.keys import load_or_create


def test_secrets_stay_the_same_after_a_restart(tmp_path: Path) -> None:
    assert load_or_create(tmp_path / "keys") == load_or_create(tmp_path / "keys")


def test_only_their_owner_may_read_secrets(tmp_path: Path) -> None:
    load_or_create(tmp_path / "keys")
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_the_public_key_verifies_what_was_signed(tmp_path: Path) -> None:
    keys = load_or_create(tmp_path / "keys").session_keys
    token = jwt.encode({"sub": "somebody"}, keys.private_pem, "EdDSA")
    assert jwt.decode(token, keys.public_pem, ["EdDSA"]) == {"sub": "somebody"}
