"""NEAR key files: ``validator_key.json`` and ``node_key.json``.

Format (nearcore ``core/crypto/src/key_file.rs``): a JSON object with ``account_id``, ``public_key``
and ``secret_key`` (alias ``private_key`` since 1.28). A secret is base58 of 64 bytes: 32 of seed,
then the 32 of the public key.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import base58, ed25519, relaxed_json
from .errors import BadKey

_PREFIX = "ed25519:"
_PUBLIC_BYTES = 32
_SECRET_BYTES = 64
_SEED_BYTES = _SECRET_BYTES - _PUBLIC_BYTES
MAX_FILE_BYTES = 64 * 1024
# What neard calls the account of a node key; it writes the name, and takes a file without one.
NODE_ACCOUNT = "node"


@dataclass(frozen=True)
class KeyFile:
    """One key file that was read and checked. The secret never shows in ``repr``."""

    path: Path
    account_id: str
    public_key: str
    secret_key: str = field(repr=False)

    def seed(self) -> bytes:
        """The secret that all else follows from."""
        return base58.decode(self.secret_key[len(_PREFIX) :])[:_SEED_BYTES]

    def text(self) -> str:
        """The file's content, as every version of neard reads it."""
        fields = {"account_id": self.account_id, "public_key": self.public_key, "secret_key": self.secret_key}
        return json.dumps(fields, indent=2) + "\n"


def read(path: Path) -> KeyFile:
    """Read ``path`` and check that its public key is the second half of its secret key, as neard does.

    Raises BadKey naming the file and what is wrong with it; never a part of the secret.
    """
    return _checked(_document(path), path)


def read_whole(path: Path) -> KeyFile:
    """As ``read``, for a key that is about to be used: see ``whole``."""
    return whole(read(path))


def whole(key: KeyFile) -> KeyFile:
    """The key, if its public key follows from its seed (2 ms); else BadKey: what it signs would count for nothing.

    neard itself compares the second half of the secret key only, and starts with a seed of another key.
    """
    if public_text(ed25519.public_key(key.seed())) != key.public_key:
        raise BadKey(
            f"{key.path}: the public key {key.public_key} does not follow from the secret key, so nothing that is"
            " signed with it counts",
            "Restore the key from your backup",
        )
    return key


def parse(text: str, name: str) -> KeyFile:
    """The same for a key that is no file yet; ``name`` stands for its path."""
    path = Path(name)
    return _checked(_object(text.encode(), path), path)


def given(text: str, name: str) -> KeyFile:
    """The same for a key file's text, or a secret key alone, ``ed25519:...``: its public key is its second half."""
    text, path = text.strip(), Path(name)
    if "{" in text:
        return parse(text, name)
    if not re.fullmatch(r"\w+:\w*", text):
        raise BadKey(f"{name} is neither a key file's text nor a secret key, ed25519:...", "Give one of the two")
    public = _key_bytes(path, "secret_key", text, _SECRET_BYTES)[-_PUBLIC_BYTES:]
    return KeyFile(path, "", public_text(public), text)


def made(path: Path, account_id: str, seed: bytes, public: bytes) -> KeyFile:
    """The key of a seed and the public key that follows from it, 32 bytes each."""
    return KeyFile(path, account_id, public_text(public), _PREFIX + base58.encode(seed + public))


def public_text(public: bytes) -> str:
    """A public key as NEAR writes it."""
    return _PREFIX + base58.encode(public)


def _checked(document: dict[str, object], path: Path) -> KeyFile:
    account = document.get("account_id", "")
    public = document.get("public_key")
    secrets = [document[name] for name in ("secret_key", "private_key") if name in document]
    if not isinstance(account, str):
        raise BadKey(f"{path}: account_id is not a string")
    if not isinstance(public, str):
        raise BadKey(f"{path}: public_key is missing or not a string", "Is this a NEAR key file?")
    if len(secrets) != 1 or not isinstance(secrets[0], str):
        raise BadKey(f"{path}: exactly one of secret_key and private_key must be there, as a string")
    public_bytes = _key_bytes(path, "public_key", public, _PUBLIC_BYTES)
    secret_bytes = _key_bytes(path, "secret_key", secrets[0], _SECRET_BYTES)
    if secret_bytes[-_PUBLIC_BYTES:] != public_bytes:
        raise BadKey(
            f"{path}: public key does not correspond to secret key in key file (public_key is {public})",
            "Restore the file from your backup; neard refuses it too",
        )
    return KeyFile(path, account, public, secrets[0])


def _document(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise BadKey(f"key file {path} does not exist", "Check the path, or copy the key there, mode 0600") from None
    except OSError as error:
        raise BadKey(
            f"key file {path} cannot be read: {error.strerror}", "Give the supervisor's user read access"
        ) from None
    return _object(raw, path)


def _object(raw: bytes, path: Path) -> dict[str, object]:
    if len(raw) > MAX_FILE_BYTES:
        raise BadKey(f"key file {path} is larger than {MAX_FILE_BYTES} bytes", "Is this a NEAR key file?")
    if raw.startswith(b"$ANSIBLE_VAULT"):
        raise BadKey(
            f"key file {path} is encrypted with Ansible Vault",
            "That is right for a file on the controller; whoever signs needs it decrypted",
        )
    try:
        document = relaxed_json.loads(raw.decode())
    except ValueError:
        # The decoder's own text may quote the file, and with it the secret.
        raise BadKey(f"key file {path} is not valid JSON", "Restore the file from your backup") from None
    if not isinstance(document, dict):
        raise BadKey(f"key file {path} does not hold a JSON object", "Is this a NEAR key file?")
    return document


def _key_bytes(path: Path, name: str, text: str, length: int) -> bytes:
    if not text.startswith(_PREFIX):
        raise BadKey(f"{path}: {name} does not start with {_PREFIX!r}", "Only ed25519 keys are supported")
    try:
        raw = base58.decode(text[len(_PREFIX) :])
    except ValueError:
        raise BadKey(f"{path}: {name} is not base58", "Restore the file from your backup") from None
    if len(raw) != length:
        raise BadKey(f"{path}: {name} has {len(raw)} bytes instead of {length}", "Restore the file from your backup")
    return raw
