"""Sessions: what we signed is believed, and nothing else."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.contracts.ids import new_id
from common.web.tokens import Principal, sign, verify
from devstack.keys import KeyPair, key_pair, new_private_key

USER = Principal(new_id(), "somebody@ticketing.test")
Claims = dict[str, object]


def claims(**changes: object) -> Claims:
    """What a valid session says, with changes; None leaves a claim out."""
    now = int(time.time())
    right = {"sub": USER.id, "id": USER.id, "email": USER.email, "iss": "ticketing"}
    changed = {**right, "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def signed(keys: KeyPair, **changes: object) -> str:
    """A token with our signature and changed claims."""
    return jwt.encode(claims(**changes), keys.private_pem, algorithm="EdDSA")


def by_hand(header: Claims, signature: Callable[[bytes], bytes]) -> str:
    """A token as somebody makes it who does not ask a library for permission."""
    parts = (json.dumps(part).encode() for part in (header, claims()))
    signing_input = b".".join(_base64url(part) for part in parts)
    return b".".join([signing_input, _base64url(signature(signing_input))]).decode()


def _base64url(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def confused(keys: KeyPair) -> str:
    """Signed with the public key, as if it were a shared secret."""
    key = keys.public_pem.encode()
    return by_hand({"alg": "HS256"}, lambda text: hmac.new(key, text, hashlib.sha256).digest())


FORGED: dict[str, Callable[[KeyPair], str]] = {
    "expired": lambda keys: sign(USER, keys.private_pem, -1),
    "of another key": lambda _: sign(USER, new_private_key(), 60),
    "of another issuer": lambda keys: signed(keys, iss="somebody-else"),
    "from tomorrow": lambda keys: signed(keys, iat=int(time.time()) + 86_400),
    "not valid yet": lambda keys: signed(keys, nbf=int(time.time()) + 86_400),
    "without a subject": lambda keys: signed(keys, sub=None),
    "without an e-mail": lambda keys: signed(keys, email=None),
    "without an issuer": lambda keys: signed(keys, iss=None),
    "without a beginning": lambda keys: signed(keys, iat=None),
    "without an end": lambda keys: signed(keys, exp=None),
    "with a number as e-mail": lambda keys: signed(keys, email=7),
    "with an object as e-mail": lambda keys: signed(keys, email={"$gt": ""}),
    "with a number as subject": lambda keys: signed(keys, sub=7),
    "with an object as subject": lambda keys: signed(keys, sub={"$gt": ""}),
    "with a list as subject": lambda keys: signed(keys, sub=[USER.id]),
    "with words as end": lambda keys: signed(keys, exp="tomorrow"),
    "unsigned": lambda _: by_hand({"alg": "none"}, lambda _: b""),
    "unsigned, in capitals": lambda _: by_hand({"alg": "NONE"}, lambda _: b""),
    "signed with the public key": confused,
    "of a strange algorithm": lambda _: by_hand({"alg": {"EdDSA": 1}}, lambda _: b"x"),
    "of no algorithm": lambda _: by_hand({}, lambda _: b"x"),
    "without its signature": lambda keys: signed(keys).rpartition(".")[0] + ".",
    "cut short": lambda keys: signed(keys)[:-4],
    "doubled": lambda keys: signed(keys) * 2,
    "too long": lambda keys: signed(keys, name="x" * 10_000),
    "long nonsense": lambda _: "x" * 10_000,
    "nested": lambda _: _base64url(b"[" * 3_000).decode() + ".e30.e30",
    "dots": lambda _: "..",
    "nothing": lambda _: "",
    "not ASCII": lambda _: "ü.ü.ü",
}


def test_what_was_signed_is_read(jwt_keys: KeyPair) -> None:
    assert verify(sign(USER, jwt_keys.private_pem, 60), jwt_keys.public_pem) == USER
    assert verify(signed(jwt_keys), jwt_keys.public_pem) == USER
    assert verify(signed(jwt_keys, colour="of tomorrow"), jwt_keys.public_pem) == USER


def test_a_token_says_this_and_no_more(jwt_keys: KeyPair) -> None:
    token = sign(USER, jwt_keys.private_pem, 60)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT"}
    said = jwt.decode(token, options={"verify_signature": False})
    assert said.pop("exp") - said.pop("iat") == 60
    assert said == {"sub": USER.id, "id": USER.id, "email": USER.email, "iss": "ticketing"}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_names_nobody(jwt_keys: KeyPair, forge: Callable[[KeyPair], str]) -> None:
    assert verify(forge(jwt_keys), jwt_keys.public_pem) is None


def test_while_keys_are_exchanged_both_are_believed() -> None:
    old, new, other = (key_pair(new_private_key()) for _ in range(3))
    both = f"{old.public_pem}\n{new.public_pem}"
    assert verify(sign(USER, old.private_pem, 60), both) == USER
    assert verify(sign(USER, new.private_pem, 60), both) == USER
    assert verify(sign(USER, other.private_pem, 60), both) is None
    assert verify(sign(USER, old.private_pem, 60), new.public_pem) is None
    assert verify(sign(USER, new.private_pem, -1), both) is None


def test_a_token_that_is_known_ends_in_time(jwt_keys: KeyPair) -> None:
    token = sign(USER, jwt_keys.private_pem, 2)
    until = jwt.decode(token, options={"verify_signature": False})["exp"]
    assert verify(token, jwt_keys.public_pem) == verify(token, jwt_keys.public_pem) == USER
    while time.time() < until:
        time.sleep(0.01)
    assert verify(token, jwt_keys.public_pem) is None


def test_a_forgery_of_a_cached_token_is_rejected(jwt_keys: KeyPair) -> None:
    token = sign(USER, jwt_keys.private_pem, 60)
    assert verify(token, jwt_keys.public_pem) == USER
    assert verify(f"{token[:-4]}AAAA", jwt_keys.public_pem) is None
    assert verify(token, key_pair(new_private_key()).public_pem) is None


KEYS = key_pair(new_private_key())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1_000), st.characters(codec="latin-1"))
def test_no_character_of_a_token_can_be_changed(place: int, character: str) -> None:
    token = signed(KEYS)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    assert changed == token or verify(changed, KEYS.public_pem) is None
