"""What the supervisor needs to know from neard's own ``config.json``. It is read, never written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from near_ha import relaxed_json
from near_ha.errors import BadConfig
from near_supervisor.core.hot import ALL_SHARDS

DEFAULT_BLOCK_TIME_MS = 600
DEFAULT_SKIP_MS = 1_800
DEFAULT_MIN_PEERS = 3
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
    path = home / "config.json"
    try:
        document = relaxed_json.loads(path.read_text())
    except FileNotFoundError:
        raise BadConfig(f"{path} does not exist", f"Create neard's home with: neard --home {home} init") from None
    except (OSError, ValueError) as error:
        raise BadConfig(
            f"{path} cannot be read: {error}", f"Check it with: neard --home {home} validate-config"
        ) from None
    if not isinstance(document, dict):
        raise BadConfig(f"{path} does not hold a JSON object")
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


def _min_peers(document: dict[str, object]) -> int:
    """neard itself complains of one that is none."""
    consensus = document.get("consensus")
    found = consensus.get("min_num_peers") if isinstance(consensus, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else DEFAULT_MIN_PEERS


def _keeps_shards_of(document: dict[str, object]) -> str:
    """The new field decides; without it the old ones do, where any listed shard means all of them."""
    tracked = document.get("tracked_shards_config")
    if tracked is None:
        return ALL_SHARDS if document.get("tracked_shards") else ""
    if isinstance(tracked, dict):
        account = tracked.get("ShadowValidator")
        return account if isinstance(account, str) else ""
    return ALL_SHARDS if tracked == "AllShards" else ""


def _rpc_address(path: Path, document: dict[str, object]) -> tuple[str, int]:
    rpc = document.get("rpc")
    if not isinstance(rpc, dict):
        raise BadConfig(
            f"{path} has no rpc section, so neard serves no /status",
            'Add "rpc": {"addr": "127.0.0.1:3030"}; without it nobody can see whether neard is in sync',
        )
    address = rpc.get("addr", "0.0.0.0:3030")
    host, _colon, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise BadConfig(f"{path} has rpc.addr = {address!r}", "It should look like 127.0.0.1:3030")
    return _UNSPECIFIED.get(host, host).strip("[]"), int(port)


def _delay_ms(path: Path, document: dict[str, object], name: str, default: int) -> int:
    consensus = document.get("consensus")
    delay = consensus.get(name) if isinstance(consensus, dict) else None
    if delay is None:
        return default
    try:
        milliseconds = int(delay["secs"]) * 1000 + int(delay["nanos"]) // 1_000_000
    except (TypeError, KeyError, ValueError, OverflowError):
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


def check_log_config(home: Path) -> None:
    """neard reads it at each SIGHUP together with its config; BadConfig when it is there and no good."""
    path = home / "log_config.json"
    try:
        document = relaxed_json.loads(path.read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path} cannot be read: {error}", "Repair it, or remove it") from None
    if not isinstance(document, dict):
        raise BadConfig(f"{path} does not hold a JSON object", "Repair it, or remove it")
