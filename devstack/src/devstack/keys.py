"""The secrets of a stack: created once, stored in its data folder, readable by the owner only."""

from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class KeyPair:
    """The key that signs sessions, and the one that verifies them; PEM."""

    private_pem: str
    public_pem: str


@dataclass(frozen=True)
class StackSecrets:
    """The secrets that the processes of a stack share."""

    session_keys: KeyPair
    webhook_secret: str


def new_private_key() -> str:
    """A fresh Ed25519 key as PKCS8 PEM."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_pair(private_pem: str) -> KeyPair:
    """The private key together with the public one that belongs to it."""
    public_key = load_pem_private_key(private_pem.encode(), password=None).public_key()
    public_pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(private_pem, public_pem.decode())


def new_webhook_secret() -> str:
    """A webhook signing secret, as Stripe creates one per endpoint."""
    return f"whsec_{token_urlsafe(24)}"


def load_or_create(folder: Path) -> StackSecrets:
    """The secrets in `folder`, created at the first start."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private_pem = _kept(folder / "session.pem", new_private_key())
    return StackSecrets(key_pair(private_pem), _kept(folder / "webhook", new_webhook_secret()))


def _kept(file: Path, fresh: str) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(fresh)
    return file.read_text()
