"""Ed25519 keys: signing, checking, writing key files, and keys derived from a name for local networks."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from near_ha.host import atomic_file
from near_ha.keys import base58, key_file
from near_ha.keys.key_file import Kind

PREFIX = "ed25519:"
_REMEMBERED = 8192


class Signer:
    """One account with its secret key. ``public_key`` is neard's text form, ``ed25519:<base58>``."""

    def __init__(self, account_id: str, seed: bytes) -> None:
        self.account_id = account_id
        self.seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        # Not public_bytes_raw(): Debian 12's cryptography is 38, which has no such method.
        self._public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = PREFIX + base58.encode(self._public)

    @staticmethod
    def from_name(account_id: str, purpose: str = "") -> Signer:
        """The key that a local network gives to ``account_id``: always the same for the same name."""
        return Signer(account_id, hashlib.sha256(f"near-sim:{purpose}:{account_id}".encode()).digest())

    @staticmethod
    def random(account_id: str) -> Signer:
        """A new key."""
        return Signer(account_id, os.urandom(32))

    @staticmethod
    def read(path: Path, kind: Kind = Kind.VALIDATOR) -> Signer:
        """The key in ``path``; near_ha.errors.BadKey says what is wrong with the file."""
        found = key_file.read(path, kind)
        return Signer(found.account_id, found.seed())

    def sign(self, message: bytes) -> str:
        """The signature of ``message`` in hexadecimal digits."""
        signature = self._key.sign(message).hex()
        remember(self.public_key, message, signature)
        return signature

    def write(self, path: Path) -> None:
        """Write a key file with mode 0600, whole or not at all."""
        key = key_file.made(path, self.account_id, self.seed, self._public)
        atomic_file.place(path, key.text().encode(), 0o600, replace=True)


@lru_cache(maxsize=256)
def _public(public_key: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base58.decode(public_key.removeprefix(PREFIX)))


_verified: set[tuple[str, bytes, str]] = set()


def remember(public_key: str, message: bytes, signature: str) -> None:
    """This signature was made here: checking it would be wasted work."""
    if len(_verified) >= _REMEMBERED:
        # All at once: what is still needed is checked again, a few signatures at most.
        _verified.clear()
    _verified.add((public_key, message, signature))


def verify(public_key: str, message: bytes, signature: str) -> bool:
    """Whether ``signature`` (hexadecimal digits) over ``message`` is by ``public_key``; never raises.

    Remembered, because a vote arrives on its own and once more inside the block that carries it.
    """
    if (public_key, message, signature) in _verified:
        return True
    try:
        _public(public_key).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    remember(public_key, message, signature)
    return True
