"""What is made of neard's answers: by its rule and not by its word, and of nonsense nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from near_ha.errors import BadConfig
from near_ha.host import neard_probe
from near_ha.transport.exchange import TcpAddress
from near_supervisor.core.facts import signing_check, sync
from near_supervisor.io import neard_config
from support.core_play import SETTINGS

NOW_MS = 1_700_000_000_000
BORN = "2023-11-14T22:13:19.500123456Z"  # half a second before
STATUS: dict[str, Any] = {
    "version": {"version": "2.10.0", "build": "2.10.0-1"},
    "chain_id": "mainnet",
    "protocol_version": 83,
    "latest_protocol_version": 84,
    "uptime_sec": 7,
    "validator_account_id": None,
    "validator_public_key": None,
    "sync_info": {"latest_block_height": 190_000_120, "latest_block_time": BORN, "syncing": False},
}
OWN = {
    "account_id": "my.pool.near",
    "public_key": "ed25519:K",
    "num_produced_blocks": 4,
    "num_expected_blocks": 5,
    "num_produced_chunks": 16,
    "num_expected_chunks": 16,
}
VALIDATORS: dict[str, Any] = {
    "epoch_height": 12,
    "epoch_start_height": 1_000,
    "current_validators": [{"account_id": "other.near", "num_produced_blocks": 99}, OWN],
    "next_validators": [{"account_id": "my.pool.near"}],
    "prev_epoch_kickout": [],
}


def judged(peers: int | None = 4, **sync: Any) -> dict[str, Any]:
    status = {**STATUS, "sync_info": {**STATUS["sync_info"], **sync}}
    return neard_probe.judged(status, peers, 600, NOW_MS)


def test_a_neard_at_the_tip_is_in_sync() -> None:
    found = judged()
    assert (found["synced"], found["reason"], found["height"], found["peers"]) == (True, "", 190_000_120, 4)
    assert found["head_age_s"] == 0.5
    assert (found["version"], found["chain_id"], found["validator_public_key"]) == ("2.10.0", "mainnet", None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"syncing": True}, "neard is syncing at height 190000120"),
        ({"syncing": "no"}, "neard is syncing at height 190000120"),
        (
            {"latest_block_time": "2023-11-14T22:13:13.9Z"},
            "its newest block is 6.1 s old by this host's clock",
        ),
        ({"peers": 0}, "neard has no peers"),
        ({"latest_block_height": "190000120"}, "it does not say what its newest block is"),
        ({"latest_block_height": True}, "it does not say what its newest block is"),
        ({"latest_block_time": "yesterday"}, "it does not say what its newest block is"),
        ({"latest_block_time": None}, "it does not say what its newest block is"),
    ],
)
def test_what_it_lacks_is_said(changes: dict[str, Any], reason: str) -> None:
    """An isolated neard says of itself that it is not syncing."""
    found = judged(**changes)
    assert not found["synced"]
    assert found["reason"].startswith(reason)


@pytest.mark.parametrize("status", [{}, {"sync_info": []}, {"version": "2.10.0", "sync_info": {"syncing": False}}])
def test_nonsense_is_not_known_and_not_in_sync(status: dict[str, Any]) -> None:
    found = neard_probe.judged(status, None, 600, NOW_MS)
    assert (found["synced"], found["height"], found["version"]) == (False, None, "")


def test_text_that_is_long_or_not_printable_is_none() -> None:
    for text in ("x" * 201, "a\x1b[2J", 7, ["a"]):
        found = neard_probe.judged({**STATUS, "chain_id": text, "validator_account_id": text}, 1, 600, NOW_MS)
        assert (found["chain_id"], found["validator_account_id"]) == ("", None)


def test_the_figures_of_an_account_in_this_epoch() -> None:
    found = neard_probe.counted(VALIDATORS, "my.pool.near")
    assert (found["validates"], found["validates_next"], found["kicked_out"]) == (True, True, None)
    assert (found["blocks_produced"], found["blocks_expected"]) == (4, 5)
    assert (found["chunks_produced"], found["chunks_expected"]) == (16, 16)
    assert (found["endorsements_produced"], found["epoch_start_height"]) == (None, 1_000)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ({"NotEnoughBlocks": {"produced": 1, "expected": 9}}, "NotEnoughBlocks"),
        ("Unstaked", "Unstaked"),
        (None, "for a reason that is not known"),
        ({"a": 1, "b": 2}, "for a reason that is not known"),
    ],
)
def test_an_account_that_was_kicked_out(reason: object, words: str) -> None:
    lost = [{"account_id": "my.pool.near", "reason": reason}]
    found = neard_probe.counted({"current_validators": [], "prev_epoch_kickout": lost}, "my.pool.near")
    assert (found["validates"], found["validates_next"], found["kicked_out"]) == (False, False, words)
    assert found["blocks_produced"] is None


@pytest.mark.parametrize("result", [{}, {"current_validators": 7}, {"current_validators": ["x", None]}])
def test_a_list_of_validators_that_is_none_has_nobody(result: dict[str, Any]) -> None:
    assert neard_probe.counted(result, "my.pool.near")["validates"] is False


@pytest.mark.parametrize(
    ("config", "given", "found"),
    [
        ({"rpc": {"addr": "0.0.0.0:3030"}}, "", ("127.0.0.1", 3030)),
        ({"rpc": {"addr": "[::]:3031"}}, "", ("::1", 3031)),
        ({"rpc": {}}, "", ("127.0.0.1", 3030)),
        ({}, "", ("127.0.0.1", 3030)),
        ({"rpc": {"addr": "127.0.0.1:1"}}, "[::1]:3032", ("::1", 3032)),
    ],
)
def test_the_address_of_the_rpc(config: dict[str, Any], given: str, found: tuple[str, int]) -> None:
    assert neard_probe.address(config, given) == TcpAddress(*found)


@pytest.mark.parametrize("text", ["3030", "host", ":3030", "host:0", "host:65536", "host:x", 7, "h:" + "9" * 5_000])
def test_an_address_that_is_none_is_quoted(text: Any) -> None:
    with pytest.raises(BadConfig, match="of neard is none"):
        neard_probe.address({"rpc": {"addr": text}})


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"consensus": {"min_block_production_delay": {"secs": 1, "nanos": 300_000_000}}}, 1_300),
        ({"consensus": {"min_block_production_delay": {"secs": 0, "nanos": 0}}}, 600),
        ({"consensus": {"min_block_production_delay": "1s"}}, 600),
        ({"consensus": 1}, 600),
        ({}, 600),
    ],
)
def test_the_block_time(config: dict[str, Any], found: int) -> None:
    assert neard_probe.block_time_ms(config) == found


@pytest.mark.parametrize("block_ms", [100, 600, 1_500])
def test_what_it_goes_by_is_what_the_supervisor_goes_by(block_ms: int) -> None:
    """It runs on hosts that have no supervisor, so the core's numbers cannot be imported."""
    assert neard_probe.fresh_ms(block_ms) == sync.fresh_ms(replace(SETTINGS, block_time_ms=block_ms))
    assert neard_probe.DEFAULT_BLOCK_TIME_MS == neard_config.DEFAULT_BLOCK_TIME_MS
    assert neard_probe.COUNTED == signing_check.KINDS


def test_heights_without_duties_begin_above_the_head() -> None:
    windows: list[dict[str, Any]] = [
        {"start": 90, "end": 100},
        {"start": 100, "end": 120},
        {"start": "x", "end": 130},
        {"start": 140},
    ]
    assert neard_probe.free_in(windows, 99) == 20
    assert neard_probe.free_in(windows, 105) == 14
    assert neard_probe.free_in(windows, 118) == 1
    assert neard_probe.free_in(windows, 119) == 0, "an end is the first height after it"
    assert neard_probe.free_in(windows, 125) == 0
    assert neard_probe.free_in([], 1) == 0
