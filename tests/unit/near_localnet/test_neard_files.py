from __future__ import annotations

from typing import Any

from near_localnet.neard_files import duration, edit_config, edit_genesis


def test_durations_are_seconds_and_nanoseconds() -> None:
    assert duration(600) == {"secs": 0, "nanos": 600_000_000}
    assert duration(2_250) == {"secs": 2, "nanos": 250_000_000}


def test_config_gets_loopback_addresses_and_block_times_and_keeps_the_rest() -> None:
    config = {
        "rpc": {"addr": "[::1]:1", "enable_debug_rpc": True},
        "network": {"addr": "[::1]:2", "public_addrs": ["ed25519:x@[::1]:2"], "tier1": {"a": 1}},
        "consensus": {"min_num_peers": 3, "sync_check_period": {"secs": 10, "nanos": 0}},
        "archive": False,
    }
    edited = edit_config(config, rpc="127.0.0.1:3030", network="127.0.0.1:24550", boot_nodes="k@h:1", block_time_ms=100)
    assert edited["rpc"] == {"addr": "127.0.0.1:3030", "enable_debug_rpc": True}
    assert edited["network"]["addr"] == "127.0.0.1:24550"
    assert edited["network"]["boot_nodes"] == "k@h:1"
    assert edited["network"]["public_addrs"] == []
    assert edited["network"]["tier1"] == {"a": 1, "enable_inbound": True, "enable_outbound": True}
    assert edited["consensus"]["min_block_production_delay"] == duration(100)
    assert edited["consensus"]["max_block_production_delay"] == duration(200)
    assert edited["consensus"]["min_num_peers"] == 2
    assert edited["consensus"]["sync_check_period"] == {"secs": 10, "nanos": 0}
    assert edited["network"]["trusted_stun_servers"] == []
    assert "tracked_shards_config" not in edited
    assert edited["archive"] is False
    assert config["rpc"] == {"addr": "[::1]:1", "enable_debug_rpc": True}, "the original is left alone"


def test_a_host_of_the_pair_keeps_up_with_the_validators_shards() -> None:
    config = {"tracked_shards_config": "AllShards", "store": {"max_open_files": 10}}
    edited = edit_config(config, rpc="h:1", network="h:2", boot_nodes="", block_time_ms=600, shadows="node3")
    assert edited["tracked_shards_config"] == {"ShadowValidator": "node3"}
    assert edited["store"] == {"max_open_files": 10, "load_mem_tries_for_tracked_shards": True}


def test_a_node_can_have_a_public_address_or_no_direct_links_at_all() -> None:
    common: dict[str, Any] = {"rpc": "h:1", "network": "h:2", "boot_nodes": "", "block_time_ms": 600}
    assert edit_config({}, **common, public="k@h:2")["network"]["public_addrs"] == ["k@h:2"]
    without = edit_config({"network": {"tier1": {"enable_inbound": True}}}, **common, tier1=False)["network"]
    assert without["tier1"] == {"enable_inbound": False, "enable_outbound": False}
    assert without["public_addrs"] == []


def test_a_config_without_rpc_gets_one() -> None:
    assert edit_config({"rpc": None}, rpc="h:1", network="h:2", boot_nodes="", block_time_ms=600)["rpc"] == {
        "addr": "h:1"
    }


def test_the_stake_of_one_account_is_divided_wherever_genesis_names_it() -> None:
    def account(name: str) -> dict[str, Any]:
        return {"Account": {"account_id": name, "account": {"amount": "7", "locked": "100"}}}

    genesis = {
        "epoch_length": 60,
        "total_supply": "214",
        "validators": [{"account_id": name, "amount": "100"} for name in ("a", "b")],
        "records": [account("a"), account("b"), {"AccessKey": {"account_id": "b"}}],
    }
    edited = edit_genesis(genesis, 5000, "b", 10)
    assert [one["amount"] for one in edited["validators"]] == ["100", "10"]
    assert [record["Account"]["account"]["locked"] for record in edited["records"][:2]] == ["100", "10"]
    assert edited["total_supply"] == "124"
    assert genesis["total_supply"] == "214"


def test_genesis_gets_long_epochs_and_lenient_kickout_of_the_fields_it_has() -> None:
    genesis = {
        "epoch_length": 60,
        "block_producer_kickout_threshold": 90,
        "chunk_producer_kickout_threshold": 5,
        "x": 1,
    }
    assert edit_genesis(genesis, 5000) == {
        "epoch_length": 5000,
        "block_producer_kickout_threshold": 10,
        "chunk_producer_kickout_threshold": 5,
        "x": 1,
    }
