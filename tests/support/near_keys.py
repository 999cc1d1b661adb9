"""Key files for tests, well-formed and not. A "secret" here is any seed followed by the public half."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from near_ha import base58


def pair(name: str) -> tuple[str, str]:
    """(public key, secret key) that follow from ``name``."""
    seed = hashlib.sha256(f"seed {name}".encode()).digest()
    public = hashlib.sha256(f"public {name}".encode()).digest()
    return "ed25519:" + base58.encode(public), "ed25519:" + base58.encode(seed + public)


def document(name: str, account: str = "test.near") -> dict[str, object]:
    """What a key file of ``name`` holds."""
    public, secret = pair(name)
    return {"account_id": account, "public_key": public, "secret_key": secret}


def write(path: Path, name: str | None = None, **changes: object) -> Path:
    """Write a key file at ``path``; ``changes`` replace its fields, None takes one away."""
    fields = {**document(name or path.stem), **changes}
    path.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))
    return path
