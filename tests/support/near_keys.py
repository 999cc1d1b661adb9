"""Key files for tests, well-formed and not. What is random in a real one follows from a name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from near_ha.keys import base58, ed25519


def pair(name: str) -> tuple[str, str]:
    """(public key, secret key) that follow from ``name``."""
    seed = hashlib.sha256(f"seed {name}".encode()).digest()
    public = ed25519.public_key(seed)
    return "ed25519:" + base58.encode(public), "ed25519:" + base58.encode(seed + public)


def two_halves(name: str) -> dict[str, object]:
    """What a key file holds whose seed is another key's, which neard takes."""
    other, public = (base58.decode(secret[len("ed25519:") :]) for _, secret in (pair(f"not {name}"), pair(name)))
    return document(name) | {"secret_key": "ed25519:" + base58.encode(other[:32] + public[32:])}


def document(name: str, account: str = "test.near") -> dict[str, object]:
    """What a key file of ``name`` holds."""
    public, secret = pair(name)
    return {"account_id": account, "public_key": public, "secret_key": secret}


def write(path: Path, name: str | None = None, **changes: object) -> Path:
    """Write a key file at ``path``; ``changes`` replace its fields, None takes one away."""
    fields = {**document(name or path.stem), **changes}
    path.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))
    return path
