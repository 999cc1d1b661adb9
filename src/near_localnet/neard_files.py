"""Edits of the files that `neard localnet` writes. Pure: JSON documents in, JSON documents out."""

from __future__ import annotations

import copy
from typing import Any

KICKOUT_PERCENT = 10
KICKOUT_KEYS = (
    "block_producer_kickout_threshold",
    "chunk_producer_kickout_threshold",
    "chunk_validator_only_kickout_threshold",
)


def duration(milliseconds: int) -> dict[str, int]:
    """A length of time as neard writes it."""
    return {"secs": milliseconds // 1000, "nanos": milliseconds % 1000 * 1_000_000}


def edit_config(
    config: dict[str, Any],
    *,
    rpc: str,
    network: str,
    boot_nodes: str,
    block_time_ms: int,
    shadows: str = "",
    public: str = "",
    tier1: bool = True,
) -> dict[str, Any]:
    """config.json with IPv4 loopback addresses and the block time that is asked for.

    `rpc` and `network` are HOST:PORT, `boot_nodes` is a comma list of KEY@HOST:PORT, `shadows` the account whose shards
    a host of the pair keeps up with (empty: as the document has it). `public` is the KEY@HOST:PORT at which other
    validators may connect directly (empty: none), `tier1` whether this node has such connections at all. neard's own
    `localnet` chooses random ports on IPv6; a supervisor and a person at a terminal want known ones.
    """
    edited = dict(config)
    edited["rpc"] = {**(config.get("rpc") or {}), "addr": rpc}
    network_before = config.get("network") or {}
    edited["network"] = {
        **network_before,
        "addr": network,
        "boot_nodes": boot_nodes,
        "public_addrs": [public] if public else [],
        "allow_private_ip_in_public_addrs": True,
        # Asked for one's own address, and waited for 5 s where there is no internet.
        "trusted_stun_servers": [],
        "tier1": {**(network_before.get("tier1") or {}), "enable_inbound": tier1, "enable_outbound": tier1},
    }
    if shadows:
        # Without it a standby keeps no state-transition data, and may fail at its first chunks as the validator.
        edited["tracked_shards_config"] = {"ShadowValidator": shadows}
        edited["store"] = {**(config.get("store") or {}), "load_mem_tries_for_tracked_shards": True}
    edited["consensus"] = {
        **(config.get("consensus") or {}),
        "min_block_production_delay": duration(block_time_ms),
        "max_block_production_delay": duration(2 * block_time_ms),
        # Three nodes run while the pair is down, and each sees two others then.
        "min_num_peers": 2,
    }
    return edited


def edit_genesis(genesis: dict[str, Any], epoch_length: int, small: str = "", divisor: int = 1) -> dict[str, Any]:
    """genesis.json with long epochs and low kickout thresholds, and the stake of account ``small`` divided.

    With neard's own 60-block epochs and 90 %, a validator down for four seconds is kicked out two epochs later.
    """
    edited = {**genesis, "epoch_length": epoch_length}
    edited.update({key: min(genesis[key], KICKOUT_PERCENT) for key in KICKOUT_KEYS if key in genesis})
    return _with_stake_divided(edited, small, divisor) if divisor > 1 else edited


def _with_stake_divided(genesis: dict[str, Any], account_id: str, divisor: int) -> dict[str, Any]:
    """neard wants the stakes of ``validators`` in the accounts' records, and the sum of all that they have."""
    edited: dict[str, Any] = copy.deepcopy(genesis)
    for validator in edited["validators"]:
        if validator["account_id"] == account_id:
            validator["amount"] = str(int(validator["amount"]) // divisor)
    for record in edited["records"]:
        if record.get("Account", {}).get("account_id") == account_id:
            account = record["Account"]["account"]
            locked = int(account["locked"])
            account["locked"] = str(locked // divisor)
            edited["total_supply"] = str(int(edited["total_supply"]) - locked + locked // divisor)
    return edited
