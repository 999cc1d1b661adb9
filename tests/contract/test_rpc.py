"""Answers of neard's RPC that the supervisor, the modules and the benchmarks read."""

from __future__ import annotations

import json

from contract.chain_under_test import ChainUnderTest
from near_localnet.layout import CHAIN_NODES, SIGNER

FAR = 99_999_999


def test_an_unknown_method_is_named_as_such(neard: ChainUnderTest) -> None:
    _status, answer = neard.post("nonsense", [])
    assert answer["error"]["name"] == "REQUEST_VALIDATION_ERROR"
    assert answer["error"]["cause"]["name"] == "METHOD_NOT_FOUND"


def test_a_block_that_is_not_there(neard: ChainUnderTest) -> None:
    _status, answer = neard.post("block", {"block_id": FAR})
    assert answer["error"]["name"] == "HANDLER_ERROR"
    assert answer["error"]["cause"]["name"] == "UNKNOWN_BLOCK"


def test_a_header_has_an_approval_or_null_for_each_validator(neard: ChainUnderTest) -> None:
    _status, answer = neard.post("block", {"finality": "final"})
    header = answer["result"]["header"]
    order = [one["account_id"] for one in neard.post("EXPERIMENTAL_validators_ordered", [None])[1]["result"]]
    assert sorted(order) == sorted([SIGNER, *(node.name for node in CHAIN_NODES)])
    approvals = header["approvals"]
    assert len(approvals) >= len(order)
    assert approvals[order.index(SIGNER)] is None
    assert int(header["timestamp_nanosec"]) > 0
    assert header["chunk_mask"] in ([True], [False])


def test_a_standby_shows_no_account_and_no_key(neard: ChainUnderTest) -> None:
    status = neard.status()
    assert status["validator_account_id"] is None
    assert status["validator_public_key"] is None
    assert status["version"]["version"]
    assert status["sync_info"]["latest_block_height"] > 0


def test_validators_tell_what_each_owed_and_made(neard: ChainUnderTest) -> None:
    _status, answer = neard.post("validators", [None])
    seat = next(one for one in answer["result"]["current_validators"] if one["account_id"] == SIGNER)
    for kind in ("blocks", "chunks"):
        assert seat[f"num_produced_{kind}"] <= seat[f"num_expected_{kind}"]


def test_network_info_counts_peers(neard: ChainUnderTest) -> None:
    assert json.loads(neard.get("/network_info")[1])["num_active_peers"] == len(CHAIN_NODES)


def test_health_is_good_where_all_is_well(neard: ChainUnderTest) -> None:
    assert neard.get("/health")[0] == 200
