"""neard's ``config.json``, merged key by key. Pure: documents in, documents out."""

from __future__ import annotations

import json
import re
from typing import Any

Document = dict[str, Any]

# What neard takes over on SIGHUP, and only neard reads. `validator_key_file` is read again as well, but the guard puts
# the key where the path led at its start. Six times in `consensus` (block delays) are taken over, too, but the
# supervisor reckons with those of its own start: for both, new ones count after a restart.
RELOADED = frozenset({"expected_shutdown", "produce_chunk_add_transactions_time_limit", "resharding_config"})


def _duration(milliseconds: int) -> Document:
    return {"secs": milliseconds // 1000, "nanos": milliseconds % 1000 * 1_000_000}


# A section that is there has to have these (neard 2.13.0). The values are those that `neard init` writes, but for an
# RPC that is not open to everybody.
_DEMANDED: dict[str, Document] = {
    "rpc": {
        "addr": "127.0.0.1:3030",
        "cors_allowed_origins": ["*"],
        "polling_config": {"polling_interval": _duration(200), "polling_timeout": _duration(10_000)},
    },
    "network": {
        "addr": "0.0.0.0:24567",
        "boot_nodes": "",
        "handshake_timeout": _duration(20_000),
        "skip_sync_wait": False,
        "ban_window": _duration(10_800_000),
    },
    "consensus": {
        "min_num_peers": 3,
        "block_production_tracking_delay": _duration(10),
        "min_block_production_delay": _duration(600),
        "max_block_production_delay": _duration(2_000),
        "max_block_wait_delay": _duration(6_000),
        "produce_empty_blocks": True,
        "block_header_fetch_horizon": 50,
        "catchup_step_period": _duration(100),
        "chunk_request_retry_period": _duration(400),
    },
    "telemetry": {"endpoints": []},
    "epoch_sync": {"timeout_for_epoch_sync": _duration(60_000)},
}

HIDDEN = "(not shown)"
_SECRET_NAME = re.compile(r"(secret|private)_?key$|password|passphrase|token$", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_MISSING = object()


def merge(base: Document, wanted: Document) -> Document:
    """``base`` with the keys of ``wanted``: objects deeply, everything else whole; null removes a key.

    The order of ``base`` stays, new keys follow in their own order.
    """
    merged = dict(base)
    for key, value in wanted.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def complete(document: Document) -> Document:
    """``document`` with what neard demands of a section that is there and has no default for; it refuses it else."""
    found = dict(document)
    for section, demanded in _DEMANDED.items():
        given = found.get(section)
        if isinstance(given, dict):
            found[section] = given | {name: value for name, value in demanded.items() if name not in given}
    return found


def changed_keys(before: Document, after: Document, prefix: str = "") -> list[str]:
    """Paths (``network.addr``) whose value differs, sorted. ``1``, ``1.0`` and ``true`` are three values."""
    found: list[str] = []
    for key in sorted({*before, *after}):
        old, new = before.get(key, _MISSING), after.get(key, _MISSING)
        if isinstance(old, dict) and isinstance(new, dict):
            found += changed_keys(old, new, f"{prefix}{key}.")
        elif old is _MISSING or new is _MISSING or json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True):
            found.append(prefix + key)
    return found


def restart_keys(paths: list[str]) -> list[str]:
    """Those of ``paths`` that a running neard takes up only when it is started again."""
    return [path for path in paths if path.partition(".")[0] not in RELOADED]


def secret_keys(document: object, prefix: str = "") -> list[str]:
    """Paths whose name says that a secret is below them and that hold text."""
    if isinstance(document, list):
        return [found for index, item in enumerate(document) for found in secret_keys(item, f"{prefix}{index}.")]
    if not isinstance(document, dict):
        return []
    found = []
    for key, value in document.items():
        if isinstance(value, str) and value and _SECRET_NAME.search(key):
            found.append(prefix + key)
        found += secret_keys(value, f"{prefix}{key}.")
    return found


def shown(document: Any, name: str = "") -> Any:
    """``document`` for people: secrets, and logins in URLs, are not in it."""
    if isinstance(document, dict):
        return {key: shown(value, key) for key, value in document.items()}
    if isinstance(document, list):
        return [shown(item, name) for item in document]
    if isinstance(document, str):
        return HIDDEN if document and _SECRET_NAME.search(name) else _URL_LOGIN.sub(HIDDEN, document)
    return document


def render(document: Document) -> str:
    """The text of a file, as neard itself lays it out."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
