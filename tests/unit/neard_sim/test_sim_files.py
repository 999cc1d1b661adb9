"""Homes on disk: keys, config, genesis, and what init and localnet write."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from near_ha.keys import base58, key_file
from neard_sim import cli, config, default_config, genesis, home, init, keys
from neard_sim.config import BadConfig
from neard_sim.keys import Signer


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A localnet of two validators and one other node."""
    assert cli.main(["--home", str(tmp_path), "localnet", "--v", "2", "-n", "1"]) == 0
    return tmp_path


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def consensus(**changes: Any) -> str:
    """A config.json with the whole section, changed."""
    return json.dumps({"consensus": default_config.document()["consensus"] | changes})


def test_keys_sign_and_their_files_are_neards(tmp_path: Path) -> None:
    signer = Signer.random("me.near")
    signer.write(tmp_path / "key.json")
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    found = key_file.read(tmp_path / "key.json")
    assert len(base58.decode(found.secret_key.removeprefix("ed25519:"))) == 64
    again = Signer.read(tmp_path / "key.json")
    assert (again.account_id, again.public_key) == ("me.near", signer.public_key)
    keys._verified.clear()
    assert keys.verify(again.public_key, b"text", again.sign(b"text"))
    assert not keys.verify(again.public_key, b"another", again.sign(b"text"))
    assert not keys.verify(again.public_key, b"text", "zz")


def test_names_give_the_same_keys_every_time_and_each_purpose_its_own() -> None:
    assert Signer.from_name("node0").public_key == Signer.from_name("node0").public_key
    assert Signer.from_name("node0").public_key != Signer.from_name("node0", "node-key").public_key


def test_localnet_writes_what_neard_writes(network: Path) -> None:
    assert sorted(item.name for item in network.iterdir()) == ["node0", "node1", "node2"]
    texts = {(network / f"node{index}/genesis.json").read_text() for index in range(3)}
    assert len(texts) == 1
    document = json.loads(texts.pop())
    assert [item["account_id"] for item in document["validators"]] == ["node0", "node1"]
    assert document["epoch_length"] == 60
    assert document["block_producer_kickout_threshold"] == 90
    addresses = set()
    for index in range(3):
        files = home.load(network / f"node{index}")
        assert files.validator is not None, "every node gets a validator key"
        assert files.validator.account_id == f"node{index}"
        assert json.loads((network / f"node{index}/node_key.json").read_text())["account_id"] == "node"
        assert files.config.network_addr.startswith("[::1]:")
        assert bool(files.config.boot_nodes) is (index > 0)
        addresses |= {files.config.network_addr, files.config.rpc_addr}
    assert len(addresses) == 6
    assert home.load(network / "node2").config.boot_nodes[0].peer_id == home.load(network / "node0").node_key.public_key


def test_comments_in_json_files_are_allowed(network: Path) -> None:
    for name in ("config.json", "genesis.json", "validator_key.json"):
        path = network / "node0" / name
        path.write_text("// yes\n" + path.read_text() + "# really\n")
    home.load(network / "node0")


@pytest.mark.parametrize("key", ["absent", "dangling", "elsewhere"])
def test_the_validator_key_is_found_where_config_says(network: Path, key: str) -> None:
    directory = network / "node0"
    path = directory / "validator_key.json"
    if key == "elsewhere":
        path.rename(network / "secret.json")
        edit(directory / "config.json", validator_key_file=str(network / "secret.json"))
    else:
        path.unlink()
    if key == "dangling":
        path.symlink_to(network / "nowhere")
    assert (home.load(directory).validator is not None) is (key == "elsewhere")


@pytest.mark.parametrize(
    ("file", "text", "word"),
    [
        ("validator_key.json", '{"account_id":', "not valid JSON"),
        ("validator_key.json", '{"account_id": "a", "public_key": "ed25519:1", "secret_key": "ed25519:1"}', "bytes"),
        ("node_key.json", None, "does not exist"),
        ("config.json", "{", "Failed to initialize config"),
        ("config.json", '{"network": {"boot_nodes": "nonsense"}}', "Failed to parse PeerInfo"),
        (
            "config.json",
            '{"rpc": {"addr": "nonsense", "cors_allowed_origins": [], "polling_config": {}}}',
            "invalid socket address",
        ),
        ("config.json", '{"rpc": {"addr": "127.0.0.1:3030"}}', "missing field `cors_allowed_origins`"),
        ("config.json", '{"tracked_shards_config": "NoShards", "tracked_shards": []}', "cannot be both set"),
        ("config.json", consensus(min_block_production_delay="600ms"), "no duration"),
        ("config.json", consensus(min_block_production_delay={"secs": 9, "nanos": 0}), "must hold"),
        ("config.json", '{"consensus": {"min_num_peers": 3}}', "missing field `block_production_tracking_delay`"),
        ("config.json", '{"gc_num_epochs_to_keep": 0}', "greater than 0"),
        ("genesis.json", "{}", "genesis config check failed"),
    ],
)
def test_a_bad_file_is_named(
    network: Path, capsys: pytest.CaptureFixture[str], file: str, text: str | None, word: str
) -> None:
    path = network / "node0" / file
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadConfig, match=word) as found:
        home.load(network / "node0")
    assert file in str(found.value)
    assert cli.main(["--home", str(network / "node0"), "validate-config"]) == 1
    assert "The following config checks failed:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"total_supply": "1"}, "wrong total supply"),
        ({"validators": []}, "no validators"),
        ({"records": []}, "Validator accounts do not match staked accounts"),
        ({"epoch_length": 0}, "epoch_length"),
        ({"genesis_time": "yesterday"}, "RFC 3339"),
    ],
)
def test_a_genesis_that_does_not_add_up_is_refused(network: Path, change: dict[str, Any], word: str) -> None:
    edit(network / "node0/genesis.json", **change)
    with pytest.raises(BadConfig, match=word):
        home.load(network / "node0")


def test_genesis_settings_are_honoured(network: Path) -> None:
    before = genesis.load(network / "node0/genesis.json")
    edit(network / "node0/genesis.json", epoch_length=7, block_producer_kickout_threshold=20)
    after = genesis.load(network / "node0/genesis.json")
    assert (after.rules.epoch_length, after.rules.block_kickout) == (7, 20)
    assert after.first_block.hash != before.first_block.hash, "nodes with different rules are not one network"


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:00.5Z", 5 * 10**8),
        ("1970-01-02T00:00:00+00:00", 86400 * 10**9),
    ],
)
def test_times(text: str, nanos: int) -> None:
    assert genesis.parse_time(text) == nanos


@pytest.mark.parametrize(
    ("document", "all_shards"),
    [
        ({}, False),
        ({"tracked_shards_config": "AllShards"}, True),
        ({"tracked_shards": [0]}, True),
        ({"tracked_shards": []}, False),
        ({"tracked_shards_config": {"ShadowValidator": "a"}, "tracked_shards": None}, False),
    ],
)
def test_tracked_shards_old_and_new(document: dict[str, Any], all_shards: bool) -> None:
    assert config.parse(document).tracks_all_shards is all_shards


def test_without_a_section_rpc_is_open_and_null_closes_it() -> None:
    assert config.parse({}).rpc_addr == "0.0.0.0:3030"
    assert config.parse({"rpc": None}).rpc_addr is None


def test_flags_of_run_replace_what_the_file_says() -> None:
    base = config.parse({"network": {"boot_nodes": "ed25519:a@127.0.0.1:1"}})
    boot = "ed25519:b@[::1]:2,ed25519:c@127.0.0.3:3"
    changed = config.with_flags(base, boot=boot, min_peers=1, network_addr="127.0.0.1:9")
    assert [(item.peer_id, item.host, item.port) for item in changed.boot_nodes] == [
        ("ed25519:b", "::1", 2),
        ("ed25519:c", "127.0.0.3", 3),
    ]
    assert (changed.min_num_peers, changed.network_addr, changed.rpc_addr) == (1, "127.0.0.1:9", "0.0.0.0:3030")
    assert config.with_flags(base, disable_rpc=True).rpc_addr is None


class TestInit:
    """One home, also on a second run."""

    def test_a_local_chain_has_one_validator_that_waits_for_nobody(self, tmp_path: Path) -> None:
        init.write(tmp_path, init.InitOptions())
        files = home.load(tmp_path)
        assert files.validator is not None
        assert files.validator.account_id == "test.near"
        assert files.config.skip_sync_wait
        assert files.genesis.rules.epoch_length == 500
        assert stat.S_IMODE((tmp_path / "node_key.json").stat().st_mode) == 0o600

    def test_fast(self, tmp_path: Path) -> None:
        init.write(tmp_path, init.InitOptions(fast=True))
        files = home.load(tmp_path)
        assert (files.genesis.rules.epoch_length, files.config.min_delay) == (60, 120_000_000)

    def test_a_second_run_puts_missing_keys_back_and_nothing_else(self, tmp_path: Path) -> None:
        init.write(tmp_path, init.InitOptions())
        config_text = (tmp_path / "config.json").read_text()
        (tmp_path / "validator_key.json").unlink()
        init.write(tmp_path, init.InitOptions(chain_id="other"))
        assert (tmp_path / "validator_key.json").exists(), "also on a standby: installers beware"
        assert (tmp_path / "config.json").read_text() == config_text

    def test_another_account_than_the_one_on_disk_is_an_error(self, tmp_path: Path) -> None:
        init.write(tmp_path, init.InitOptions(account_id="a.near"))
        assert cli.main(["--home", str(tmp_path), "init", "--account-id", "b.near"]) == 1

    @pytest.mark.parametrize(("account", "has_key"), [(None, False), ("pool.near", True)])
    def test_mainnet_gets_a_validator_key_only_for_an_account(
        self, tmp_path: Path, account: str | None, has_key: bool
    ) -> None:
        init.write(tmp_path, init.InitOptions(chain_id="mainnet", account_id=account))
        assert (tmp_path / "validator_key.json").exists() is has_key
        assert json.loads((tmp_path / "config.json").read_text())["telemetry"]["endpoints"]

    @pytest.mark.parametrize(
        "args",
        [
            ["--chain-id", ""],
            ["--chain-id", "testnet"],
            ["--genesis", "g", "--download-genesis"],
            ["--download-config", "validator"],
        ],
    )
    def test_what_cannot_be_done_ends_with_status_1(self, tmp_path: Path, args: list[str]) -> None:
        assert cli.main(["--home", str(tmp_path), "init", *args]) == 1


@pytest.mark.parametrize(("version", "words"), [("2.x", "(commit "), ("1.34", "(release 1.34.0)"), ("1.27", "(db 36)")])
def test_version_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, version: str, words: str
) -> None:
    monkeypatch.setenv("NEARD_SIM_VERSION", version)
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert words in capsys.readouterr().out
