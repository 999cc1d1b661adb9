"""What is read from neard's config.json, and how a refusal names what is wrong there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from near_ha.errors import BadConfig
from near_supervisor.io import neard_config

GOOD: dict[str, Any] = {"rpc": {"addr": "127.0.0.1:3030"}}


def written(home: Path, document: object) -> Path:
    (home / "config.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return home


def refused(home: Path) -> BadConfig:
    with pytest.raises(BadConfig) as caught:
        neard_config.read(home)
    assert str(home / "config.json") in str(caught.value)
    return caught.value


def test_a_minimal_config_gets_neards_own_defaults(tmp_path: Path) -> None:
    read = neard_config.read(written(tmp_path, GOOD))
    assert (read.rpc_host, read.rpc_port, read.block_time_ms) == ("127.0.0.1", 3030, 600)
    assert read.validator_key_file == tmp_path / "validator_key.json"
    assert read.node_key_file == tmp_path / "node_key.json"
    assert read.lock_file == tmp_path / "data" / "LOCK"


def test_names_of_files_and_of_the_store_are_followed(tmp_path: Path) -> None:
    document = {
        **GOOD, "validator_key_file": "vk.json", "node_key_file": "/keys/nk.json", "store": {"path": "/big/db"},
    }  # fmt: skip
    read = neard_config.read(written(tmp_path, document))
    assert read.validator_key_file == tmp_path / "vk.json"
    assert read.node_key_file == Path("/keys/nk.json")
    assert read.lock_file == Path("/big/db/LOCK")


def test_a_store_path_is_relative_to_the_home(tmp_path: Path) -> None:
    read = neard_config.read(written(tmp_path, {**GOOD, "store": {"path": "db"}}))
    assert read.lock_file == tmp_path / "db" / "LOCK"


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:3030", "127.0.0.1", 3030),
        ("0.0.0.0:3031", "127.0.0.1", 3031),
        ("[::1]:3030", "::1", 3030),
        ("[::]:3030", "::1", 3030),
        ("10.1.2.3:1", "10.1.2.3", 1),
    ],
)
def test_the_address_to_ask(tmp_path: Path, address: str, host: str, port: int) -> None:
    read = neard_config.read(written(tmp_path, {"rpc": {"addr": address}}))
    assert (read.rpc_host, read.rpc_port) == (host, port)


@pytest.mark.parametrize(
    "address",
    ["", "3030", ":3030", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1",
     "127.0.0.1:3030 ", "localhost:3030", "0:3030", "::1:3030", "[127.0.0.1]:1", "[::1]", "127.0.0.1:\u0663",
     3030, None, []],
)  # fmt: skip
def test_a_bad_address_is_quoted_with_an_example(tmp_path: Path, address: object) -> None:
    error = refused(written(tmp_path, {"rpc": {"addr": address}}))
    assert f"rpc.addr = {address!r}" in error.message
    assert "127.0.0.1:3030" in error.hint


def test_a_section_without_an_address_is_refused_as_neard_refuses_it(tmp_path: Path) -> None:
    assert "rpc.addr = None" in refused(written(tmp_path, {"rpc": {}})).message


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "has no rpc section, so that neard opens its RPC on all interfaces, port 3030"),
        ({"rpc": None}, "has rpc = null, so that neard serves no /status"),
        ({"rpc": []}, "has rpc = [], which is no section"),
        ({"rpc": "127.0.0.1:3030"}, "has rpc = '127.0.0.1:3030', which is no section"),
    ],
)
def test_without_a_section_for_rpc_it_says_what_neard_would_do(
    tmp_path: Path, document: dict[str, Any], words: str
) -> None:
    error = refused(written(tmp_path, document))
    assert words in error.message
    # What is advised has the fields that neard asks for in a section that is there (validate-config of 2.13.0).
    advised = json.loads("{" + error.hint[error.hint.index('"rpc"') : error.hint.rindex("}") + 1] + "}")
    assert set(advised["rpc"]) == {"addr", "cors_allowed_origins", "polling_config"}
    assert set(advised["rpc"]["polling_config"]) == {"polling_interval", "polling_timeout"}
    assert neard_config.read(written(tmp_path, advised)).rpc_port == 3030


@pytest.mark.parametrize(
    ("delay", "milliseconds"),
    [
        ({"secs": 0, "nanos": 600_000_000}, 600), ({"secs": 1, "nanos": 300_000_000}, 1300),
        ({"secs": 0, "nanos": 100_999_999}, 100), ([0, 600_000_000], 600), ([2, 0], 2_000),
    ],
)  # fmt: skip
def test_the_block_time(tmp_path: Path, delay: object, milliseconds: int) -> None:
    document = {**GOOD, "consensus": {"min_block_production_delay": delay}}
    assert neard_config.read(written(tmp_path, document)).block_time_ms == milliseconds


@pytest.mark.parametrize(
    "delay",
    [{}, {"secs": 0}, {"secs": 0, "nanos": 0}, {"secs": -1, "nanos": 0}, {"secs": "x", "nanos": 0}, 600, "600ms",
     [1], [0, 1, 2], {"secs": 0, "nanos": 999_999}, {"secs": None, "nanos": 1}, {"secs": 0, "nanos": 6e8}, None,
     {"secs": 0, "nanos": 600_000_000, "x": 1}],
)  # fmt: skip
def test_a_bad_block_time_is_quoted_with_an_example(tmp_path: Path, delay: object) -> None:
    error = refused(written(tmp_path, {**GOOD, "consensus": {"min_block_production_delay": delay}}))
    assert f"min_block_production_delay = {delay!r}" in error.message
    assert "600000000" in error.hint


def test_without_a_block_time_it_is_neards_default(tmp_path: Path) -> None:
    assert neard_config.read(written(tmp_path, {**GOOD, "consensus": {}})).block_time_ms == 600


@pytest.mark.parametrize(
    ("tracked", "account"),
    [
        ({"tracked_shards_config": {"ShadowValidator": "a.near"}}, "a.near"),
        ({"tracked_shards_config": "AllShards"}, "*"),
        ({"tracked_shards_config": {"AllShards": None}}, "*"),
        ({"tracked_shards_config": "NoShards"}, ""),
        ({"tracked_shards_config": {"Accounts": ["a.near"]}}, ""),
        ({}, ""),
        ({"tracked_shards_config": None, "tracked_shards": [0]}, "*"),
        ({"tracked_shards": [7]}, "*"),
        ({"tracked_shards": []}, ""),
        ({"tracked_shadow_validator": "a.near"}, "a.near"),
        ({"tracked_shadow_validator": "a.near", "tracked_shards": [], "tracked_accounts": []}, "a.near"),
        ({"tracked_shadow_validator": "a.near", "tracked_shards": [0]}, "*"),
        ({"tracked_shadow_validator": "a.near", "tracked_accounts": ["b.near"]}, ""),
        ({"tracked_shadow_validator": "a.near", "tracked_shard_schedule": [[0]]}, ""),
        ({"tracked_shadow_validator": 7}, ""),
    ],
)
def test_whose_shards_it_keeps_in_the_new_and_in_the_old_fields(
    tmp_path: Path, tracked: dict[str, Any], account: str
) -> None:
    assert neard_config.read(written(tmp_path, {**GOOD, **tracked})).keeps_shards_of == account


@pytest.mark.parametrize(
    ("old", "value"),
    [("tracked_shards", [0]), ("tracked_shards", []), ("tracked_accounts", []), ("tracked_shadow_validator", "a.near"),
     ("tracked_shard_schedule", [])],
)  # fmt: skip
def test_old_fields_beside_the_new_one_are_no_file_to_take_a_key_with(tmp_path: Path, old: str, value: object) -> None:
    written(tmp_path, {**GOOD, "tracked_shards_config": "NoShards", old: value})
    # neard runs with what it read at its start, and so does whoever comes back to it.
    assert neard_config.read(tmp_path).keeps_shards_of == ""
    with pytest.raises(BadConfig, match=f"has {old} beside tracked_shards_config, and neard takes neither") as caught:
        neard_config.check_reload(tmp_path)
    assert old in caught.value.hint
    written(tmp_path, {**GOOD, "tracked_shards_config": "NoShards", old: None})
    neard_config.check_reload(tmp_path)
    written(tmp_path, {**GOOD, old: value})
    neard_config.check_reload(tmp_path)


@pytest.mark.parametrize("field", ["rpc", "tracked_shards_config", "gc_blocks_limit"])
def test_a_field_that_is_there_twice_is_no_file_to_take_a_key_with(tmp_path: Path, field: str) -> None:
    text = json.dumps({**GOOD, field: GOOD.get(field, 1)})
    written(tmp_path, f"{text[:-1]}, {json.dumps(field)}: {json.dumps(GOOD.get(field, 1))}}}")
    with pytest.raises(BadConfig, match=f"has {field} twice"):
        neard_config.check_reload(tmp_path)


@pytest.mark.parametrize("name", ["validator_key_file", "node_key_file"])
@pytest.mark.parametrize("value", ["", None, 7, ["a"]])
def test_a_bad_file_name_is_quoted(tmp_path: Path, name: str, value: object) -> None:
    assert f"{name} = {value!r}" in refused(written(tmp_path, {**GOOD, name: value})).message


def test_comments_are_read_over_as_neard_does(tmp_path: Path) -> None:
    text = '{ // where\n "rpc": {"addr": "127.0.0.1:4040"}, # "rpc": null\n "note": "http://x" /* end */ }'
    assert neard_config.read(written(tmp_path, text)).rpc_port == 4040


@pytest.mark.parametrize("text", ["", "{", '{"rpc": {"addr": }}', "[" * 100_000], ids=["empty", "cut", "hole", "deep"])
def test_what_is_not_json_is_refused_with_the_command_that_checks_it(tmp_path: Path, text: str) -> None:
    error = refused(written(tmp_path, text))
    assert "cannot be read" in error.message
    assert f"neard --home {tmp_path} validate-config" in error.hint


def test_a_position_in_the_file_is_passed_on(tmp_path: Path) -> None:
    assert "line 2 column 1" in str(refused(written(tmp_path, '{"rpc": {}, // why\n')))


def test_not_text_and_not_a_file_and_not_there(tmp_path: Path) -> None:
    missing = refused(tmp_path)
    assert "does not exist" in missing.message
    assert f"neard --home {tmp_path} init" in missing.hint
    (tmp_path / "config.json").write_bytes(b"\xff\xfe{}")
    assert "cannot be read" in refused(tmp_path).message
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").mkdir()
    assert "Is a directory" in refused(tmp_path).message


@pytest.mark.parametrize("document", [[], "x", 7])
def test_a_document_that_is_no_object(tmp_path: Path, document: object) -> None:
    assert "does not hold a JSON object" in refused(written(tmp_path, json.dumps(document))).message


@pytest.mark.parametrize(("found", "read"), [(2, 2), (0, 0), (None, 3), ("many", 3), (-1, 3), (True, 3)])
def test_so_many_peers_as_neard_wants_or_its_default(tmp_path: Path, found: object, read: int) -> None:
    config = neard_config.read(written(tmp_path, {**GOOD, "consensus": {"min_num_peers": found}}))
    assert config.min_peers == read
    # A supervisor that was started before goes on.
    assert config == neard_config.read(written(tmp_path, GOOD))
