"""NEAR key files: ``validator_key.json`` and ``node_key.json``.

What is taken here neard takes, and the other way round (tried with 2.13.0), but for what could not work or be checked:
a file above 64 KiB, a node key of another curve, a node key whose halves are two keys'. The two kinds differ. The
secret of a validator key may be called ``private_key`` (since 1.28), in a node key that is one more unknown field.
The account of a node key may be empty, but it may not be left out.

A secret is base58 of 64 bytes: 32 of seed, then the 32 of the public key.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from ..errors import BadKey
from ..host import relaxed_json
from . import base58, ed25519

CURVE = "ed25519"
_PREFIX = f"{CURVE}:"
_PUBLIC_BYTES = 32
_SECRET_BYTES = 64
_SEED_BYTES = _SECRET_BYTES - _PUBLIC_BYTES
MAX_FILE_BYTES = 64 * 1024
# What neard calls the account of a node key; it writes the name, and takes an empty one for it.
NODE_ACCOUNT = "node"
_MOST_LETTERS = 64
ACCOUNT = re.compile(r"(?=.{2,64}\Z)[a-z0-9]+([-_.][a-z0-9]+)*\Z")
ACCOUNT_RULE = "those have 2 to 64 lower-case letters and digits, with single '-', '_' and '.' between"
_FIELDS = ("account_id", "public_key", "secret_key")
_ALIAS = "private_key"
# Whatever has so many in a row may be a part of a key, and is not quoted.
_LIKE_A_KEY = re.compile(r"[A-Za-z0-9]{32}")
_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_RESTORE = "Restore the file from your backup; neard refuses it too"


class Kind(Enum):
    """Whose key it is; the value is the name of neard's file."""

    VALIDATOR = "validator_key.json"
    NODE = "node_key.json"


@dataclass(frozen=True)
class KeyFile:
    """One key file that was read and checked. The secret never shows in ``repr``.

    Both keys are as neard writes them, ``ed25519:...``, however the file has them.
    """

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


def read(path: Path, kind: Kind = Kind.VALIDATOR) -> KeyFile:
    """Read ``path`` and check that its public key is the second half of its secret key, as neard does.

    Raises BadKey naming the file and what is wrong with it; never a part of the secret.
    """
    return _checked(_document(path), path, kind)


def read_whole(path: Path, kind: Kind = Kind.VALIDATOR) -> KeyFile:
    """As ``read``, for a key that is about to be used: see ``whole``."""
    return whole(read(path, kind))


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


def parse(text: str, name: str, kind: Kind = Kind.VALIDATOR) -> KeyFile:
    """The same for a key that is no file yet; ``name`` stands for its path."""
    path = Path(name)
    return _checked(_fields(text.encode(), path), path, kind)


def given(text: str, name: str) -> KeyFile:
    """The key of a key file's text, or of a secret key alone, ``ed25519:...``: its public key is its second half.

    Its account may be missing: a file of either kind is made of it.
    """
    text, path = text.strip(), Path(name)
    if "{" in text or "[" in text:
        document = _fields(text.encode(), path)
        if document.get("account_id", "") != "":
            return _checked(document, path, Kind.VALIDATOR)
        return _key_of(document, path, Kind.VALIDATOR)
    if not re.fullmatch(r"\w+:\w*", text):
        raise BadKey(f"{name} is neither a key file's text nor a secret key, ed25519:...", "Give one of the two")
    secret = _key_bytes(path, "secret_key", text, _SECRET_BYTES)
    return KeyFile(path, "", public_text(secret[-_PUBLIC_BYTES:]), _PREFIX + base58.encode(secret))


def made(path: Path, account_id: str, seed: bytes, public: bytes) -> KeyFile:
    """The key of a seed and the public key that follows from it, 32 bytes each."""
    return KeyFile(path, account_id, public_text(public), _PREFIX + base58.encode(seed + public))


def public_text(public: bytes) -> str:
    """A public key as NEAR writes it."""
    return _PREFIX + base58.encode(public)


def _checked(document: dict[str, object], path: Path, kind: Kind) -> KeyFile:
    key = _key_of(document, path, kind)
    return replace(key, account_id=_account(document, path, kind))


def _account(document: dict[str, object], path: Path, kind: Kind) -> str:
    is_node = kind is Kind.NODE
    write = (
        f'Write "account_id": "{NODE_ACCOUNT}" into it' if is_node else "Write the account that it signs for into it"
    )
    write += f"; neard does not start with such a {kind.value}"
    if "account_id" not in document:
        raise BadKey(f"{path}: account_id is missing", write)
    account = document["account_id"]
    if not isinstance(account, str):
        raise BadKey(f"{path}: account_id is not a string", write)
    if is_node and not account:
        return account
    if not ACCOUNT.match(account):
        shown = f"of {len(account)} characters" if _hides(account) else repr(account)
        raise BadKey(f"{path}: account_id {shown} is no NEAR account: {ACCOUNT_RULE}", write)
    return account


def _hides(account: str) -> bool:
    """Is it better not quoted, because it may be a secret in the wrong place, or too long for a line?"""
    return len(account) > _MOST_LETTERS or _LIKE_A_KEY.search(account) is not None


def _key_of(document: dict[str, object], path: Path, kind: Kind) -> KeyFile:
    """The two keys; whose they are is not looked at."""
    public = document.get("public_key")
    names = ("secret_key",) if kind is Kind.NODE else ("secret_key", _ALIAS)
    secrets = [document[name] for name in names if name in document]
    if not isinstance(public, str):
        raise BadKey(f"{path}: public_key is missing or not a string", "Is this a NEAR key file?")
    if len(secrets) != 1 or not isinstance(secrets[0], str):
        wanted = "secret_key" if kind is Kind.NODE else f"exactly one of secret_key and {_ALIAS}"
        raise BadKey(f"{path}: {wanted} must be there, as a string", _RESTORE)
    public_bytes = _key_bytes(path, "public_key", public, _PUBLIC_BYTES)
    secret_bytes = _key_bytes(path, "secret_key", secrets[0], _SECRET_BYTES)
    if secret_bytes[-_PUBLIC_BYTES:] != public_bytes:
        shown = public_text(public_bytes)
        raise BadKey(
            f"{path}: public key does not correspond to secret key in key file (public_key is {shown})",
            "Restore the file from your backup"
            + ("; peers would know this host by another key" if kind is Kind.NODE else "; neard refuses it too"),
        )
    return KeyFile(path, "", public_text(public_bytes), _PREFIX + base58.encode(secret_bytes))


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
    return _fields(raw, path)


def _fields(raw: bytes, path: Path) -> dict[str, object]:
    """What the file holds under which name, each of neard's names once; a list has them in neard's order."""
    if len(raw) > MAX_FILE_BYTES:
        raise BadKey(f"key file {path} is larger than {MAX_FILE_BYTES} bytes", "Is this a NEAR key file?")
    if raw.startswith(b"$ANSIBLE_VAULT"):
        raise BadKey(
            f"key file {path} is encrypted with Ansible Vault",
            "That is right for a file on the controller; whoever signs needs it decrypted",
        )
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            raise BadKey(f"key file {path} is not valid JSON: it begins with a byte order mark of {encoding}",
                         "Save it as UTF-8 without one")  # fmt: skip
    try:
        document, twice = relaxed_json.loads_once(raw.decode())
    except ValueError:
        # The decoder's own text may quote the file, and with it the secret.
        raise BadKey(f"key file {path} is not valid JSON", "Restore the file from your backup") from None
    for name in (*_FIELDS, _ALIAS):
        if name in twice:
            raise BadKey(f"{path}: {name} is there twice", "Leave the right one in the file; neard refuses both")
    if isinstance(document, list) and len(document) == len(_FIELDS):
        return dict(zip(_FIELDS, document, strict=True))
    if not isinstance(document, dict):
        raise BadKey(f"key file {path} does not hold a JSON object", "Is this a NEAR key file?")
    return document


def _key_bytes(path: Path, name: str, text: str, length: int) -> bytes:
    """neard takes the curve in letters of either case, and a key without one as one of this curve."""
    curve, colon, digits = text.partition(":")
    if colon and curve.lower() != CURVE:
        raise BadKey(f"{path}: {name} does not start with {_PREFIX!r}", "Only ed25519 keys are supported")
    try:
        raw = base58.decode(digits if colon else text)
    except ValueError:
        raise BadKey(f"{path}: {name} is not base58", "Restore the file from your backup") from None
    if len(raw) != length:
        raise BadKey(f"{path}: {name} has {len(raw)} bytes instead of {length}", "Restore the file from your backup")
    return raw
