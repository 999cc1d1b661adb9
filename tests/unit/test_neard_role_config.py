"""What role neard makes of a config.json: a neard 2.13.0 takes each of these (tried with its validate-config).

The rules that are asserted here are those by which it refused what the role wrote before, or could have written.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from near_ha.host import config_merge, durations
from support.debian_units import load_plugins

Templar = pytest.importorskip("ansible.template").Templar
DataLoader = pytest.importorskip("ansible.parsing.dataloader").DataLoader

ROLE = Path(__file__).resolve().parents[2] / "roles" / "neard"
OLD_TRACKING = ("tracked_shards", "tracked_accounts", "tracked_shadow_validator", "tracked_shard_schedule")
# What neard has no default for, in a section that is there.
RPC = {"addr", "cors_allowed_origins", "polling_config"}
PEER = "ed25519:86EtEy7epneKyrcJwSWP7zsisTkfDRH5CFVszt4qiQYw@203.0.113.5:24567"

BEFORE: dict[str, dict[str, Any]] = {
    "nothing but defaults": {},
    "as neard init writes it": {
        "rpc": {
            "addr": "0.0.0.0:3030",
            "cors_allowed_origins": ["https://a"],
            "polling_config": {"polling_interval": 1},
        },
        "network": {"addr": "0.0.0.0:24567", "boot_nodes": ""},
        "store": {"path": None, "max_open_files": 10_000},
        "tracked_shards_config": "AllShards",
    },
    "of an older neard": {
        "rpc": {"addr": "0.0.0.0:3030", "cors_allowed_origins": [], "polling_config": {}},
        "tracked_shards": [0],
        "tracked_accounts": [],
        "tracked_shadow_validator": None,
        "tracked_shard_schedule": [],
    },
    "without RPC": {"rpc": None},
}
GIVEN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a validator's host": {"supervisor_account_id": "my.pool.near"},
    "boot nodes": {"neard_boot_nodes": [PEER, PEER]},
    "more keys": {"neard_config": {"telemetry": {"endpoints": []}, "rpc": {"enable_debug_rpc": True}}},
}


def load(file: str) -> Any:
    """A file of the role, whose templates count as such; releases of Ansible before 2.19 ask for no word on that."""
    loader = DataLoader()
    trusts = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    return loader.load_from_file(str(ROLE / file), **({"trusted_as_template": True} if trusts else {}))


def templar(given: dict[str, Any]) -> Any:
    load_plugins()
    variables: dict[str, Any] = {}
    for file in ("defaults/main.yml", "vars/main.yml"):
        variables |= load(file)
    return Templar(loader=DataLoader(), variables={**variables, **given})


def wanted(given: dict[str, Any]) -> dict[str, Any]:
    """As configure.yml hands it to near_config."""
    (task,) = (
        task["validator_ha.near.near_config"]
        for task in load("tasks/configure.yml")
        if "validator_ha.near.near_config" in task
    )
    found: dict[str, Any] = templar(given).template(task["values"])
    return found


@pytest.mark.parametrize("given", GIVEN.values(), ids=list(GIVEN))
@pytest.mark.parametrize("before", BEFORE.values(), ids=list(BEFORE))
def test_what_is_written_is_what_neard_takes(before: dict[str, Any], given: dict[str, Any]) -> None:
    after = config_merge.complete(config_merge.merge(before, wanted(given)))
    assert after["rpc"]["addr"] == "127.0.0.1:3030"
    assert set(after["rpc"]) >= RPC
    kept = before.get("rpc") or {}
    assert {name: after["rpc"][name] for name in kept if name != "addr"} == {
        name: value for name, value in kept.items() if name != "addr"
    }
    assert not [name for name in OLD_TRACKING if name in after]
    account = given.get("supervisor_account_id")
    assert after["tracked_shards_config"] == ({"ShadowValidator": account} if account else "NoShards")
    if "neard_boot_nodes" in given:
        # A blank after a comma is a part of the next key to neard.
        assert after["network"]["boot_nodes"] == f"{PEER},{PEER}"
    assert config_merge.complete(config_merge.merge(after, wanted(given))) == after


# The fields of a section that neard has no default for: it named them one by one.
DEMANDED = {
    "rpc": "addr cors_allowed_origins polling_config",
    "network": "addr boot_nodes handshake_timeout skip_sync_wait ban_window",
    "consensus": "min_num_peers block_production_tracking_delay min_block_production_delay max_block_production_delay"
    " max_block_wait_delay produce_empty_blocks block_header_fetch_horizon catchup_step_period"
    " chunk_request_retry_period",
    "telemetry": "endpoints",
    "epoch_sync": "timeout_for_epoch_sync",
    "store": "",
    "resharding_config": "",
}


@pytest.mark.parametrize(("section", "names"), DEMANDED.items())
def test_a_section_gets_what_neard_demands_of_it(section: str, names: str) -> None:
    made = config_merge.complete({section: {"mine": 1}})[section]
    assert set(made) == {"mine", *names.split()}
    first = names.partition(" ")[0]
    assert config_merge.complete({section: {first: "mine"}})[section][first] == "mine"
    assert config_merge.complete({section: None}) == {section: None}
    assert config_merge.complete({}) == {}
    for value in made.values():
        if isinstance(value, dict) and "secs" in value:
            assert durations.nanoseconds(value) > 0


def test_neard_finds_the_kernel_as_it_wants_it() -> None:
    """Each is a warning at the start of a neard 2.13.0 where it is otherwise; it compares the words of the values."""
    wanted = {
        "net.core.rmem_max": "8388608",
        "net.core.wmem_max": "8388608",
        "net.ipv4.tcp_rmem": "4096 87380 8388608",
        "net.ipv4.tcp_wmem": "4096 16384 8388608",
        "net.ipv4.tcp_slow_start_after_idle": "0",
        "net.core.default_qdisc": "fq",
        "net.ipv4.tcp_mtu_probing": "1",
        "net.ipv4.tcp_max_syn_backlog": "8096",
    }
    has = {name: " ".join(str(value).split()) for name, value in load("defaults/main.yml")["neard_sysctl"].items()}
    assert wanted.items() <= has.items()


def faults(given: dict[str, Any]) -> str:
    """What the role's check of its variables says."""
    tasks = load("tasks/preflight.yml")
    (checks,) = (task["vars"]["__neard_checks"] for task in tasks if task["name"] == "Check the variables")
    found = []
    for check in checks:
        if "tracked" in check["fail_msg"] and not templar(given).template(check["that"]):
            found.append(templar(given).template(check["fail_msg"]))
    return " ".join(found)


def test_an_old_field_beside_the_new_one_is_refused_before_neard_refuses_it() -> None:
    assert "neard_config sets tracked_shards" in faults({"neard_config": {"tracked_shards": [0]}})
    assert "neard_config sets tracked_shadow_validator" in faults(
        {"neard_config": {"tracked_shadow_validator": "a.near"}}
    )
    assert not faults({"neard_config": {"tracked_shards": None}})
    assert not faults({"neard_config": {"tracked_shards": [0]}, "neard_tracked_shards": None})
    assert not faults({"neard_config": {"tracked_shards": [0], "tracked_shards_config": None}})
    assert not faults({})
