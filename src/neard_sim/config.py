"""``config.json``: what the simulation uses of it, with neard's names and defaults."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from near_ha.host import durations, relaxed_json

from . import config_checks
from .clock import NS_PER_S

FILE_NAME = "config.json"
_ALL_SHARDS = "AllShards"
_OLD_TRACKING = ("tracked_shards", "tracked_accounts", "tracked_shadow_validator", "tracked_shard_schedule")
# Without a section RPC is open on all interfaces; null switches it off.
_DEFAULT_RPC: dict[str, Any] = {"addr": "0.0.0.0:3030", "cors_allowed_origins": ["*"], "polling_config": {}}
_RPC_FIELDS = ("addr", "cors_allowed_origins", "polling_config")
_CONSENSUS_FIELDS = (
    "min_num_peers", "block_production_tracking_delay", "min_block_production_delay", "max_block_production_delay",
    "max_block_wait_delay", "produce_empty_blocks", "block_header_fetch_horizon", "catchup_step_period",
    "chunk_request_retry_period",
)  # fmt: skip


class BadConfig(Exception):
    """A file of the home directory cannot be used; the text names file, field and fault."""


@dataclass(frozen=True)
class PeerAddress:
    """``ed25519:KEY@HOST:PORT``: where a peer listens and who should answer there."""

    peer_id: str
    host: str
    port: int


@dataclass(frozen=True)
class NodeConfig:
    """The parts of ``config.json`` the simulation acts upon. Delays and periods in nanoseconds."""

    document: dict[str, Any]
    genesis_file: str
    validator_key_file: str
    node_key_file: str
    rpc_addr: str | None
    prometheus_addr: str | None
    debug_rpc: bool
    network_addr: str
    boot_nodes: tuple[PeerAddress, ...]
    skip_sync_wait: bool
    min_num_peers: int
    min_delay: int
    max_delay: int
    max_wait: int
    sync_check_period: int
    sync_height_threshold: int
    header_fetch_horizon: int
    tracks_all_shards: bool
    tracked_shards: Any
    store_path: str
    archive: bool
    expected_shutdown: int | None
    log_summary_period: int
    tier1_connect_interval: int
    tier1_advertise_interval: int

    def is_warm_for(self, account: str) -> bool:
        """Does it keep the state of the shards of this validator, as a standby for it has to?"""
        return self.tracks_all_shards or self.tracked_shards == {"ShadowValidator": account}


def address(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:1`` or ``[::1]:1``; ValueError if it is neither."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not host:
        raise ValueError(f"invalid socket address {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def show_address(host: str, port: int) -> str:
    """The inverse of address()."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def boot_nodes(text: str) -> tuple[PeerAddress, ...]:
    """The peers of a comma list; ValueError names the entry that cannot be parsed."""
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        peer_id, at, where = entry.partition("@")
        if not at or not peer_id.startswith("ed25519:"):
            raise ValueError(f"Failed to parse PeerInfo: {entry!r}")
        try:
            host, port = address(where)
        except ValueError as error:
            raise ValueError(f"Failed to parse PeerInfo: {entry!r}: {error}") from None
        config_checks.check_name(host, entry)
        found.append(PeerAddress(peer_id, host, port))
    return tuple(found)


def load(home: Path) -> NodeConfig:
    """Read and check ``home``/config.json; BadConfig says what is wrong."""
    path = home / FILE_NAME
    try:
        document = relaxed_json.loads(path.read_text())
    except OSError as error:
        raise BadConfig(f"Failed to read config from {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadConfig(f"Failed to initialize config from {path}: {error}") from None
    if not isinstance(document, dict):
        raise BadConfig(f"Failed to initialize config from {path}: not a JSON object")
    try:
        return parse(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadConfig(f"Failed to deserialize config from {path}: {error}") from None


def parse(document: dict[str, Any]) -> NodeConfig:
    """The settings of a parsed document, with neard's defaults; KeyError, TypeError or ValueError if unusable."""
    config_checks.check(document)
    rpc = document.get("rpc", _DEFAULT_RPC)
    network = document.get("network") or {}
    consensus = _with_all(document.get("consensus"), _CONSENSUS_FIELDS)
    if int(document.get("gc_num_epochs_to_keep", 5)) <= 0:
        raise ValueError("config.json semantic issue: gc config values should all be greater than 0")
    tier1 = network.get("tier1") or {}
    config = NodeConfig(
        document=document,
        genesis_file=str(document.get("genesis_file", "genesis.json")),
        validator_key_file=str(document.get("validator_key_file", "validator_key.json")),
        node_key_file=str(document.get("node_key_file", "node_key.json")),
        rpc_addr=None if rpc is None else str(_with_all(rpc, _RPC_FIELDS)["addr"]),
        prometheus_addr=None if rpc is None else rpc.get("prometheus_addr"),
        debug_rpc=bool(rpc and rpc.get("enable_debug_rpc", False)),
        network_addr=str(network.get("addr", "0.0.0.0:24567")),
        boot_nodes=boot_nodes(network.get("boot_nodes") or ""),
        skip_sync_wait=bool(network.get("skip_sync_wait", False)),
        min_num_peers=int(consensus.get("min_num_peers", 3)),
        min_delay=_duration(consensus, "min_block_production_delay", 600),
        max_delay=_duration(consensus, "max_block_production_delay", 2000),
        max_wait=_duration(consensus, "max_block_wait_delay", 6000),
        sync_check_period=_duration(consensus, "sync_check_period", 10_000),
        sync_height_threshold=int(consensus.get("sync_height_threshold", 1)),
        header_fetch_horizon=int(consensus.get("block_header_fetch_horizon", 50)),
        tracks_all_shards=_all_shards(document),
        tracked_shards=document.get("tracked_shards_config"),
        store_path=str((document.get("store") or {}).get("path") or "data"),
        archive=bool(document.get("archive", False)),
        expected_shutdown=document.get("expected_shutdown"),
        log_summary_period=_duration(document, "log_summary_period", 10_000),
        tier1_connect_interval=_duration(tier1, "connect_interval", 60_000),
        tier1_advertise_interval=_duration(tier1, "advertise_proxies_interval", 900_000),
    )
    _check(config)
    return config


def with_flags(
    config: NodeConfig,
    *,
    archive: bool = False,
    boot: str | None = None,
    min_peers: int | None = None,
    network_addr: str | None = None,
    rpc_addr: str | None = None,
    prometheus_addr: str | None = None,
    disable_rpc: bool = False,
) -> NodeConfig:
    """``config`` as the flags of ``run`` change it; ValueError for a flag that cannot be parsed."""
    if boot is not None:
        config = replace(config, boot_nodes=boot_nodes(boot))
    if min_peers is not None:
        config = replace(config, min_num_peers=min_peers)
    if network_addr is not None:
        config = replace(config, network_addr=network_addr)
    if rpc_addr is not None:
        config = replace(config, rpc_addr=rpc_addr)
    if prometheus_addr is not None:
        config = replace(config, prometheus_addr=prometheus_addr)
    if disable_rpc:
        config = replace(config, rpc_addr=None, prometheus_addr=None)
    return replace(config, archive=config.archive or archive)


def _check(config: NodeConfig) -> None:
    for text in (config.rpc_addr, config.prometheus_addr, config.network_addr):
        if text:
            address(text)
    if not 0 < config.min_delay <= config.max_delay <= config.max_wait:
        raise ValueError(
            "consensus: 0 < min_block_production_delay <= max_block_production_delay <= max_block_wait_delay must hold"
        )


def _with_all(section: dict[str, Any] | None, fields: Iterable[str]) -> dict[str, Any]:
    """neard has defaults for a section that is not there, and none for these fields of one that is."""
    if section is None:
        return {}
    for name in fields:
        if name not in section:
            raise ValueError(f"missing field `{name}`")
    return section


def _duration(document: dict[str, Any], key: str, default_ms: int) -> int:
    value = document.get(key)
    if value is None:
        return default_ms * (NS_PER_S // 1000)
    return durations.nanoseconds(value)


def _all_shards(document: dict[str, Any]) -> bool:
    """The new field decides; without it the old ones do, where any listed shard means all of them."""
    old = next((name for name in _OLD_TRACKING if document.get(name) is not None), None)
    if document.get("tracked_shards_config") is not None:
        if old is not None:
            raise ValueError(
                f"config.json semantic issue: 'config.{old}' and 'config.tracked_shards_config' cannot be both set."
                " Please use 'config.tracked_shards_config' only."
            )
        return bool(document["tracked_shards_config"] == _ALL_SHARDS)
    return bool(document.get("tracked_shards"))
