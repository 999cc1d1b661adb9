"""Answers of neard's RPC that the supervisor, the modules and the benchmarks read."""

from __future__ import annotations

import json
import statistics
import time
from datetime import datetime, timezone

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


def test_the_blocks_of_maintenance_windows_are_others(neard: ChainUnderTest) -> None:
    one, height = CHAIN_NODES[0], neard.height(CHAIN_NODES[0]) or 0
    told = neard.post("maintenance_windows", {"account_id": one.name})[1]["result"]
    free = {height for window in told for height in range(window["start"], window["end"])}
    assert height + 15 in range(min(free), max(free))
    neard.until("fifteen blocks more", lambda: (neard.height(one) or 0) >= height + 15)
    made = [block["header"]["height"] for block in neard.blocks(height + 1) if block["author"] == one.name]
    assert made
    assert free.isdisjoint(made)


def test_the_protocol_replaces_nobody_within_an_epoch(neard: ChainUnderTest) -> None:
    """NEP-652 will, from version 87 on (nearcore's early kickout)."""
    assert neard.status()["protocol_version"] < 87


def test_a_block_has_been_begun_about_a_block_time_before_it_comes(neard: ChainUnderTest) -> None:
    """Its time is that of its optimistic block."""
    ages: list[float] = []
    last = 0
    deadline = time.monotonic() + 60
    while len(ages) < 15:
        assert time.monotonic() < deadline
        info = neard.status()["sync_info"]
        if info["latest_block_height"] > last:
            last = info["latest_block_height"]
            born = datetime.fromisoformat(info["latest_block_time"][:26].rstrip("Z") + "+00:00")
            ages.append((datetime.now(timezone.utc) - born).total_seconds() * 1_000)
    assert statistics.median(ages) > neard.options.block_time_ms / 2


def test_validators_tell_what_each_owed_and_made(neard: ChainUnderTest) -> None:
    _status, answer = neard.post("validators", [None])
    seat = next(one for one in answer["result"]["current_validators"] if one["account_id"] == SIGNER)
    for kind in ("blocks", "chunks"):
        assert seat[f"num_produced_{kind}"] <= seat[f"num_expected_{kind}"]


def test_network_info_counts_peers(neard: ChainUnderTest) -> None:
    assert json.loads(neard.get("/network_info")[1])["num_active_peers"] == len(CHAIN_NODES)


def test_health_is_good_where_all_is_well(neard: ChainUnderTest) -> None:
    assert neard.get("/health")[0] == 200
