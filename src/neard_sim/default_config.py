"""A fresh ``config.json``, as ``neard init`` of 2.13.0 writes it."""

from __future__ import annotations

from typing import Any

_CACHE = {"per_shard_max_bytes": {}, "shard_cache_deletions_queue_capacity": 100_000}


def duration(milliseconds: int) -> dict[str, int]:
    """A duration as config files write it."""
    return {"secs": milliseconds // 1000, "nanos": milliseconds % 1000 * 1_000_000}


def document() -> dict[str, Any]:
    """All of its fields, in its order, but for the STUN servers, of which no simulated node asks one."""
    return {
        "genesis_file": "genesis.json",
        "genesis_records_file": None,
        "validator_key_file": "validator_key.json",
        "node_key_file": "node_key.json",
        "rpc": _rpc(),
        "telemetry": {"endpoints": [], "reporting_interval": duration(10_000)},
        "network": _network(),
        "consensus": _consensus(),
        "tracked_shards_config": "AllShards",
        "log_summary_style": "colored",
        "log_summary_period": duration(10_000),
        "enable_multiline_logging": True,
        "gc_blocks_limit": 2,
        "gc_fork_clean_step": 100,
        "gc_num_epochs_to_keep": 5,
        "gc_step_period": duration(500),
        "view_client_threads": 4,
        "state_request_throttle_period": duration(30_000),
        "state_requests_per_throttle_period": 30,
        "state_request_server_threads": 4,
        "trie_viewer_state_size_limit": 50_000,
        "store": _store(),
        "epoch_sync": {"epoch_sync_horizon_num_epochs": 2, "timeout_for_epoch_sync": duration(60_000)},
        "transaction_pool_size_limit": 100_000_000,
        "resharding_config": {
            "batch_size": 500_000,
            "batch_delay": duration(5),
            "retry_delay": duration(10_000),
            "initial_delay": duration(0),
            "max_poll_time": duration(7_200_000),
            "catch_up_blocks": 20,
        },
        "tx_routing_height_horizon": 4,
        "disable_tx_routing": False,
        "produce_chunk_add_transactions_time_limit": duration(200),
        "orphan_state_witness_pool_size": 25,
        "orphan_state_witness_max_size": 40_000_000,
        "max_loaded_contracts": 256,
        "contract_cache_max_size": 128_000_000_000,
        "save_latest_witnesses": False,
        "save_invalid_witnesses": False,
        "transaction_request_handler_threads": 4,
        "contract_cache_path": None,
    }


def _rpc() -> dict[str, Any]:
    return {
        "addr": "0.0.0.0:3030",
        "prometheus_addr": None,
        "cors_allowed_origins": ["*"],
        "polling_config": {"polling_interval": duration(200), "polling_timeout": duration(10_000)},
        "limits_config": {"json_payload_max_size": 10_485_760},
        "enable_debug_rpc": False,
        "experimental_debug_pages_src_path": None,
    }


def _network() -> dict[str, Any]:
    return {
        "addr": "0.0.0.0:24567",
        "boot_nodes": "",
        "whitelist_nodes": "",
        "max_num_peers": 40,
        "minimum_outbound_peers": 5,
        "ideal_connections_lo": 30,
        "ideal_connections_hi": 35,
        "so_recv_buffer_size": 1_000_000,
        "so_send_buffer_size": 1_000_000,
        "peer_recent_time_window": duration(600_000),
        "safe_set_size": 20,
        "archival_peer_connections_lower_bound": 10,
        "handshake_timeout": duration(20_000),
        "skip_sync_wait": False,
        "ban_window": duration(10_800_000),
        "blacklist": [],
        "ttl_account_id_router": duration(3_600_000),
        "peer_stats_period": duration(5_000),
        "monitor_peers_max_period": duration(60_000),
        "peer_states_cache_size": 1_000,
        "snapshot_hosts_cache_size": 1_000,
        "peer_expiration_duration": duration(604_800_000),
        "public_addrs": [],
        "allow_private_ip_in_public_addrs": False,
        "trusted_stun_servers": [],
        "tier1": {
            "enable_inbound": True,
            "enable_outbound": True,
            "connect_interval": duration(60_000),
            "new_connections_per_attempt": 50,
            "advertise_proxies_interval": duration(900_000),
        },
        "experimental": {
            "inbound_disabled": False,
            "connect_only_to_boot_nodes": False,
            "skip_sending_tombstones_seconds": 0,
            "network_config_overrides": {},
        },
    }


def _consensus() -> dict[str, Any]:
    return {
        "min_num_peers": 3,
        "block_production_tracking_delay": duration(10),
        "min_block_production_delay": duration(600),
        "max_block_production_delay": duration(2_000),
        "max_block_wait_delay": duration(6_000),
        "chunk_wait_mult": [1, 3],
        "produce_empty_blocks": True,
        "block_header_fetch_horizon": 50,
        "catchup_step_period": duration(100),
        "chunk_request_retry_period": duration(400),
        "header_sync_initial_timeout": duration(10_000),
        "header_sync_progress_timeout": duration(2_000),
        "header_sync_stall_ban_timeout": duration(120_000),
        "state_sync_external_timeout": duration(60_000),
        "state_sync_p2p_timeout": duration(10_000),
        "state_sync_retry_backoff": duration(1_000),
        "state_sync_external_backoff": duration(60_000),
        "header_sync_expected_height_per_second": 10,
        "sync_check_period": duration(10_000),
        "sync_step_period": duration(10),
        "doomslug_step_period": duration(10),
        "sync_height_threshold": 1,
        "sync_max_block_requests": 10,
    }


def _store() -> dict[str, Any]:
    return {
        "path": None,
        "enable_statistics": False,
        "enable_statistics_export": True,
        "max_open_files": 10_000,
        "col_state_cache_size": 536_870_912,
        "col_flat_state_cache_size": 134_217_728,
        "block_size": 16_384,
        "trie_cache": {"default_max_bytes": 500_000_000, **_CACHE},
        "view_trie_cache": {"default_max_bytes": 50_000_000, **_CACHE},
        "enable_receipt_prefetching": True,
        "load_mem_tries_for_shards": [],
        "load_mem_tries_for_tracked_shards": False,
        "state_snapshot_config": {"state_snapshot_type": "Enabled"},
    }
