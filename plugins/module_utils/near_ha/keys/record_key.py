"""The key that a cluster's members sign their values in Consul with, so that writing there is not enough to be obeyed.

Every member has the validator's key, and nobody else has; so the records' key follows from it, unless a file of its own
is given. A signature is HMAC-SHA256 over the name of the value's key in Consul and its fields in one canonical form.
It stands in the value beside them, as ``mac``, where versions that know of none read past it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import stat
from pathlib import Path

from ..errors import BadConfig, BadRecord
from ..records import wire
from . import key_file

# 32 bytes, as `openssl rand -hex 32` prints them.
_TEXT = re.compile(r"[0-9a-fA-F]{64}")
_MAX_FILE_BYTES = key_file.MAX_FILE_BYTES
_FIELD = "mac"
_SALT = b"near-supervisor records v1"
_FROM_VALIDATOR_KEY, _FROM_FILE = b"validator key", b"file"


class RecordKey:
    """Signs values and checks them. ``accepts_unsigned``: what bears no signature passes; one that is wrong never does.

    No ``repr`` shows the secret.
    """

    def __init__(self, secret: bytes, origin: bytes = _FROM_FILE, *, accepts_unsigned: bool = False) -> None:
        # HKDF (RFC 5869) with one block of output: of no use for anything but records.
        extracted = hmac.digest(_SALT, secret, hashlib.sha256)
        self._secret = hmac.digest(extracted, origin + b"\x01", hashlib.sha256)
        self.accepts_unsigned = accepts_unsigned

    def sealed(self, key: str, value: str) -> str:
        """``value``, a JSON object, signed for ``key`` of Consul; under another key it counts for nothing."""
        document = json.loads(value)
        return json.dumps({**document, _FIELD: self._mac(key, document)})

    def doubt(self, key: str, raw: bytes) -> str:
        """Why what is stored at ``key`` is not to be believed, a clause for people; "" when a member signed it."""
        try:
            document = wire.fields(raw, "value").document
            given = document.pop(_FIELD, None)
            if given is None and self.accepts_unsigned:
                return ""
            if given is None:
                return "it is not signed"
            right = isinstance(given, str) and hmac.compare_digest(given.encode(), self._mac(key, document).encode())
        except (BadRecord, RecursionError, UnicodeEncodeError):
            right = False
        return "" if right else "its signature is not that of this cluster's key"

    def _mac(self, key: str, document: dict[str, object]) -> str:
        # A NUL stands in no name of a key, and JSON holds none as it is.
        text = f"{key}\0{json.dumps(document, sort_keys=True, separators=(',', ':'))}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def is_signed(raw: bytes) -> bool:
    """Does it bear a signature, whosever it is? Then its writer's cluster wants them."""
    try:
        return _FIELD in wire.fields(raw, "value").document
    except BadRecord:
        return False


def of_validator(key: key_file.KeyFile, *, accepts_unsigned: bool = False) -> RecordKey:
    """The one that follows from the validator's key."""
    return RecordKey(key.seed(), _FROM_VALIDATOR_KEY, accepts_unsigned=accepts_unsigned)


def load(path: Path, *, accepts_unsigned: bool = False) -> RecordKey:
    """The one of a file: 64 hexadecimal digits, or the validator's key itself. BadConfig, BadKey.

    Neither names a part of the secret.
    """
    try:
        with path.open("rb") as file:
            raw, mode = file.read(_MAX_FILE_BYTES + 1), stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise BadConfig(
            f"the record key {path} cannot be read: {error.strerror}", "Put it there, readable for this user alone"
        ) from None
    if mode & 0o007:
        raise BadConfig(
            f"the record key {path} has mode {mode:04o}: every user of this host can get at it",
            f"Close it with: chmod 0400 {path}; if it was open for long, replace it on all hosts",
        )
    if raw.lstrip().startswith((b"{", b"[")):
        return of_validator(key_file.read(path), accepts_unsigned=accepts_unsigned)
    text = raw.decode("latin-1").strip()
    if not _TEXT.fullmatch(text):
        raise BadConfig(
            f"the record key {path} is neither 64 hexadecimal digits nor a validator key",
            "Make one with: openssl rand -hex 32; all hosts of the account need the same",
        )
    return RecordKey(bytes.fromhex(text), accepts_unsigned=accepts_unsigned)
