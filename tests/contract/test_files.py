"""The files of a home: what `init` writes, and what neard takes and refuses in config.json."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contract.chain_under_test import ChainUnderTest
from near_ha.host import config_merge

PEER = "ed25519:9y4aCp1bnA1gMhK22oCykJpKDyLHmNiDdMx74RvioMPH"
GONE = object()
ACCOUNT = "pool.near"


def init(running: ChainUnderTest, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = running.run_on(home, "init", "--chain-id", "localnet", *words)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def fresh(running: ChainUnderTest, tmp_path: Path) -> Path:
    """A home that `init` has just made."""
    init(running, tmp_path)
    return tmp_path


def edit(home: Path, changes: dict[str, Any]) -> None:
    """Sets fields of config.json, by their paths with dots; GONE removes one."""
    file = home / "config.json"
    document = json.loads(file.read_text())
    for path, value in changes.items():
        *sections, field = path.split(".")
        place = document
        for section in sections:
            place = place[section]
        if value is GONE:
            place.pop(field, None)
        else:
            place[field] = value
    file.write_text(json.dumps(document))


def refusal(running: ChainUnderTest, home: Path) -> str:
    """What `validate-config` says against the home; "" if nothing."""
    done = running.run_on(home, "validate-config")
    return "" if done.returncode == 0 else done.stderr


def key(home: Path, name: str) -> dict[str, str]:
    return dict(json.loads((home / name).read_text()))


def test_init_writes_a_node_key_and_a_validator_key_that_is_no_validators(fresh: Path) -> None:
    assert key(fresh, "node_key.json")["account_id"] == "node"
    assert key(fresh, "validator_key.json")["account_id"] == "test.near"


def test_init_takes_the_account_that_it_is_given(running: ChainUnderTest, tmp_path: Path) -> None:
    init(running, tmp_path, "--account-id", ACCOUNT)
    assert key(tmp_path, "validator_key.json")["account_id"] == ACCOUNT


def test_init_leaves_the_keys_that_are_there_and_makes_those_that_are_not(running: ChainUnderTest, fresh: Path) -> None:
    node, validator = key(fresh, "node_key.json"), key(fresh, "validator_key.json")
    (fresh / "validator_key.json").unlink()
    init(running, fresh)
    assert key(fresh, "node_key.json") == node
    made = key(fresh, "validator_key.json")
    assert made["account_id"] == "test.near"
    assert made["public_key"] != validator["public_key"]


def test_nobody_else_may_read_the_keys(fresh: Path) -> None:
    modes = [(fresh / name).stat().st_mode & 0o777 for name in ("node_key.json", "validator_key.json")]
    assert modes == [0o600, 0o600]


def test_a_validator_of_a_localnet_has_one_key_for_both(running: ChainUnderTest, tmp_path: Path) -> None:
    done = running.run_on(tmp_path, "localnet", "--validators", "2", "--prefix", "node")
    assert done.returncode == 0, done.stderr
    for name in ("node0", "node1"):
        assert key(tmp_path / name, "validator_key.json")["account_id"] == name
        assert (
            key(tmp_path / name, "node_key.json")["public_key"]
            == key(tmp_path / name, "validator_key.json")["public_key"]
        )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as it is"),
        pytest.param(
            {"nonsense": 1, "consensus.nonsense": 1, "network.nonsense": 1}, id="fields that it does not know"
        ),
        pytest.param({"rpc": None}, id="no RPC"),
        *(pytest.param({name: GONE}, id=f"without {name}") for name in ("rpc", "network", "consensus", "store")),
        pytest.param({"tracked_shards_config": {"ShadowValidator": ACCOUNT}}, id="a shadow of the validator"),
        pytest.param({"tracked_shards_config": GONE, "tracked_shards": [0]}, id="the old field alone"),
        pytest.param({"consensus.min_block_production_delay": [1, 0]}, id="a duration as a list"),
        pytest.param({"store.load_mem_tries_for_tracked_shards": True}, id="mem tries"),
        pytest.param({"validator_key_file": "nowhere.json"}, id="a key file that is not there"),
    ],
)
def test_config_that_it_takes(running: ChainUnderTest, fresh: Path, changes: dict[str, Any]) -> None:
    edit(fresh, changes)
    assert refusal(running, fresh) == ""


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"rpc": {"addr": "127.0.0.1:3030"}}, "cors_allowed_origins", id="rpc without its other fields"),
        pytest.param({"consensus": {}}, "min_num_peers", id="consensus without its fields"),
        pytest.param({"network.addr": 7}, "", id="an address that is none"),
        pytest.param({"gc_num_epochs_to_keep": 0}, "gc", id="no epoch to keep"),
        pytest.param(
            {"tracked_accounts": [ACCOUNT]}, "tracked_accounts", id="an old tracking field beside the new one"
        ),
        pytest.param({"tracked_shards": []}, "tracked_shards", id="an old one that is empty"),
        pytest.param({"tracked_shards_config": "Everything"}, "unknown variant", id="a tracking that there is not"),
        pytest.param({"tracked_shards_config": {"shadowvalidator": "a"}}, "unknown variant", id="in small letters"),
        pytest.param({"store.load_mem_tries_for_tracked_shards": "yes"}, "a boolean", id="a word for a boolean"),
        pytest.param({"consensus.min_num_peers": "3"}, "usize", id="a word for a number"),
        pytest.param({"consensus.min_block_production_delay": "1s"}, "", id="a word for a duration"),
        pytest.param({"save_trie_changes": False}, "save_trie_changes", id="no trie changes, though no archive"),
        pytest.param({"network.public_addrs": [f"{PEER}@127.0.0.1:24567"]}, "public IP", id="a private address"),
        pytest.param({"network.public_addrs": ["8.8.8.8:24567"]}, "PeerId", id="a public address without a peer"),
        pytest.param({"network.boot_nodes": "garbage"}, "PeerI", id="boot nodes that are none"),
        pytest.param(
            {"network.boot_nodes": f"{PEER}@nowhere.invalid:24567"}, "boot_nodes", id="a name that nobody knows"
        ),
        pytest.param({"genesis_file": "nowhere.json"}, "nowhere.json", id="a genesis that is not there"),
    ],
)
def test_config_that_it_refuses(running: ChainUnderTest, fresh: Path, changes: dict[str, Any], word: str) -> None:
    edit(fresh, changes)
    said = refusal(running, fresh)
    assert said
    assert word in said


@pytest.mark.parametrize("before", [{}, {"network": GONE, "consensus": GONE, "rpc": GONE, "telemetry": GONE}])
def test_what_the_roles_write_it_takes(running: ChainUnderTest, fresh: Path, before: dict[str, Any]) -> None:
    """roles/neard/vars/main.yml, written as `near_config` writes it, onto a whole file and onto an old one."""
    edit(fresh, {**before, "tracked_accounts": [ACCOUNT]})
    wanted = {
        "rpc": {"addr": "127.0.0.1:3030"},
        "network": {"addr": "0.0.0.0:24567", "skip_sync_wait": False, "boot_nodes": f"{PEER}@127.0.0.1:24567"},
        "store": {"load_mem_tries_for_tracked_shards": True},
        "tracked_shards_config": {"ShadowValidator": ACCOUNT},
        "tracked_shards": None,
        "tracked_accounts": None,
        "tracked_shadow_validator": None,
        "tracked_shard_schedule": None,
    }
    document = config_merge.merge(json.loads((fresh / "config.json").read_text()), wanted)
    (fresh / "config.json").write_text(config_merge.render(config_merge.complete(document)))
    assert refusal(running, fresh) == ""


def test_config_of_the_localnet_is_good(home: ChainUnderTest) -> None:
    assert refusal(home, home.home) == ""
