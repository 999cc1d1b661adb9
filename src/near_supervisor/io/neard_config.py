"""What the supervisor needs to know from neard's own ``config.json``. It is read, never written."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from near_ha.errors import BadConfig
from near_ha.host import durations, relaxed_json
from near_supervisor.core.conditions.hot_takeover import ALL_SHARDS

CONFIG = "config.json"
DEFAULT_BLOCK_TIME_MS = 600
DEFAULT_SKIP_MS = 1_800
DEFAULT_MIN_PEERS = 3
_TRACKING = "tracked_shards_config"
# neard refuses each of them beside the new one, also when it is empty.
_OLD_TRACKING = ("tracked_shards", "tracked_accounts", "tracked_shadow_validator", "tracked_shard_schedule")
_ALL_SHARDS = "AllShards"
# A section that is there has to have all of this.
_RPC_SECTION = (
    '"rpc": {"addr": "127.0.0.1:3030", "cors_allowed_origins": ["*"], "polling_config":'
    ' {"polling_interval": {"secs": 0, "nanos": 200000000}, "polling_timeout": {"secs": 10, "nanos": 0}}}'
)
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - read, not bound


@dataclass(frozen=True)
class NeardConfig:
    """``rpc_host``/``rpc_port`` can be connected to; paths are absolute.

    ``block_time_ms`` is the shortest time between two blocks, ``skip_ms`` that after which a height is given up.
    ``keeps_shards_of`` is the account whose shards neard follows, ``*`` when it tracks all shards, else "".
    ``min_peers`` are so many that neard waits for (``consensus.min_num_peers``).
    """

    rpc_host: str
    rpc_port: int
    block_time_ms: int
    skip_ms: int
    validator_key_file: Path
    node_key_file: Path
    lock_file: Path
    keeps_shards_of: str
    # A change of it is no reason to refuse a start.
    min_peers: int = field(default=DEFAULT_MIN_PEERS, compare=False)


def read(home: Path) -> NeardConfig:
    """Read ``home/config.json``; BadConfig says what is missing or malformed, with its value."""
    path = home / CONFIG
    document, _twice = _document(path, home)
    host, port = _rpc_address(path, document)
    store = document.get("store")
    data = store.get("path") if isinstance(store, dict) else None
    return NeardConfig(
        rpc_host=host,
        rpc_port=port,
        block_time_ms=_delay_ms(path, document, "min_block_production_delay", DEFAULT_BLOCK_TIME_MS),
        skip_ms=_delay_ms(path, document, "max_block_production_delay", DEFAULT_SKIP_MS),
        validator_key_file=home / _name(path, document, "validator_key_file", "validator_key.json"),
        node_key_file=home / _name(path, document, "node_key_file", "node_key.json"),
        lock_file=home / (data if isinstance(data, str) else "data") / "LOCK",
        keeps_shards_of=_keeps_shards_of(document),
        min_peers=_min_peers(document),
    )


def _document(path: Path, home: Path) -> tuple[dict[str, object], list[str]]:
    """What it holds, and which of its fields are there twice."""
    try:
        document, twice = relaxed_json.loads_once(path.read_text())
    except FileNotFoundError:
        raise BadConfig(f"{path} does not exist", f"Create neard's home with: neard --home {home} init") from None
    except (OSError, ValueError) as error:
        raise BadConfig(
            f"{path} cannot be read: {error}", f"Check it with: neard --home {home} validate-config"
        ) from None
    if not isinstance(document, dict):
        raise BadConfig(f"{path} does not hold a JSON object")
    return document, sorted(twice)


def _min_peers(document: dict[str, object]) -> int:
    """neard itself complains of one that is none."""
    consensus = document.get("consensus")
    found = consensus.get("min_num_peers") if isinstance(consensus, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else DEFAULT_MIN_PEERS


def _keeps_shards_of(document: dict[str, object]) -> str:
    """The new field decides; without it the old ones do, where any listed shard means all of them.

    With a list of accounts or times beside it, an old field says too little to count on.
    """
    tracked = document.get(_TRACKING)
    if tracked is None:
        return _keeps_by_old_fields(document)
    if isinstance(tracked, dict):
        if list(tracked) == [_ALL_SHARDS]:
            return ALL_SHARDS
        account = tracked.get("ShadowValidator")
        return account if isinstance(account, str) else ""
    return ALL_SHARDS if tracked == _ALL_SHARDS else ""


def _keeps_by_old_fields(document: dict[str, object]) -> str:
    if document.get("tracked_shards"):
        return ALL_SHARDS
    account = document.get("tracked_shadow_validator")
    others = document.get("tracked_accounts") or document.get("tracked_shard_schedule")
    return account if isinstance(account, str) and not others else ""


def _rpc_address(path: Path, document: dict[str, object]) -> tuple[str, int]:
    rpc = document.get("rpc")
    if not isinstance(rpc, dict):
        if "rpc" not in document:
            what = "has no rpc section, so that neard opens its RPC on all interfaces, port 3030"
        elif rpc is None:
            what = "has rpc = null, so that neard serves no /status, and nobody can see whether it is in sync"
        else:
            what = f"has rpc = {rpc!r}, which is no section"
        raise BadConfig(f"{path} {what}", f"Give it {_RPC_SECTION}")
    address = rpc.get("addr")
    host, _colon, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
    if not _is_address(host) or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 2**16:
        raise BadConfig(
            f"{path} has rpc.addr = {address!r}", "It should look like 127.0.0.1:3030; neard takes no names there"
        )
    return _UNSPECIFIED.get(host, host).strip("[]"), int(port)


def _is_address(host: str) -> bool:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else ""
    try:
        return bool(ipaddress.IPv6Address(bare) if bare else ipaddress.IPv4Address(host))
    except ValueError:
        return False


def _delay_ms(path: Path, document: dict[str, object], name: str, default: int) -> int:
    consensus = document.get("consensus")
    if not isinstance(consensus, dict) or name not in consensus:
        return default
    delay = consensus[name]
    try:
        milliseconds = durations.nanoseconds(delay) // 1_000_000
    except ValueError:
        milliseconds = 0
    if milliseconds <= 0:
        raise BadConfig(
            f"{path} has consensus.{name} = {delay!r}",
            'It should look like {"secs": 0, "nanos": 600000000}',
        )
    return milliseconds


def _name(path: Path, document: dict[str, object], key: str, default: str) -> str:
    value = document.get(key, default)
    if not isinstance(value, str) or not value:
        raise BadConfig(f"{path} has {key} = {value!r}", f'It should be a file name such as "{default}"')
    return value


def check_reload(home: Path) -> None:
    """What neard reads at each SIGHUP beside the key; BadConfig when it would take nothing of it, and no key either."""
    _check_log_config(home)
    path = home / CONFIG
    document, twice = _document(path, home)
    for name in twice:
        raise BadConfig(f"{path} has {name} twice, and neard takes neither", "Leave one of the two")
    old = next((name for name in _OLD_TRACKING if document.get(name) is not None), None)
    if old is not None and document.get(_TRACKING) is not None:
        raise BadConfig(f"{path} has {old} beside {_TRACKING}, and neard takes neither", f"Remove {old}")


def _check_log_config(home: Path) -> None:
    path = home / "log_config.json"
    try:
        document = relaxed_json.loads(path.read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path} cannot be read: {error}", "Repair it, or remove it") from None
    if not isinstance(document, dict):
        raise BadConfig(f"{path} does not hold a JSON object", "Repair it, or remove it")
