"""HTTP of a running node: field sets by version, errors, blocks, windows, metrics, debug pages."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neard_sim import install
from support.sim_net import Net, SimNode, free_addresses, running
from support.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """A whole chain."""
    with running(tmp_path_factory.mktemp("net"), "node0", "node1", "node2", "node3", epoch_length=20, kickout=0) as net:
        net.until("two epochs", lambda: net["node0"].height() > 41)
        yield net


def _error(node: SimNode, body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://{node.rpc}/", body, timeout=2) as answer:
            return answer.status, json.loads(answer.read())["error"]
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("1.27", {"uptime_sec"}, {"node_key", "validator_public_key", "node_public_key", "genesis_hash"}),
        ("1.34", {"node_key", "validator_public_key", "node_public_key"}, {"genesis_hash"}),
        ("2.x", {"node_key", "validator_public_key", "node_public_key", "genesis_hash"}, set()),
    ],
)
def test_status_has_the_fields_of_its_version(net: Net, version: str, present: set[str], absent: set[str]) -> None:
    net["pair0"].knobs(version=version)
    net.start("pair0")
    try:
        status = net.until("pair0 answers", net["pair0"].status)
    finally:
        net["pair0"].kill()
    assert present <= set(status)
    assert not absent & set(status)
    assert status["validator_account_id"] is None
    assert status["chain_id"] == "localnet"
    assert ("is_slashed" in status["validators"][0]) is (version != "2.x")
    assert ("commit" in status["version"]) is (version == "2.x")


def test_status_of_a_validator_names_both_of_its_keys(net: Net) -> None:
    status = net["node1"].status()
    key = json.loads((net["node1"].home / "validator_key.json").read_text())["public_key"]
    node_key = json.loads((net["node1"].home / "node_key.json").read_text())["public_key"]
    assert status["validator_account_id"] == "node1"
    assert status["validator_public_key"] == status["node_key"] == key
    assert status["node_public_key"] == node_key
    assert {"latest_block_hash", "latest_block_time", "earliest_block_height", "epoch_id"} <= set(status["sync_info"])


def test_blocks_hang_together(net: Net) -> None:
    final = net["node0"].call("block", {"finality": "final"})
    by_height = net["node2"].call("block", {"block_id": final["header"]["height"]})
    by_hash = net["node3"].call("block", [final["header"]["hash"]])
    assert final == by_height == by_hash
    assert (
        net["node0"].call("block", {"block_id": final["header"]["prev_hash"]})["header"]["height"]
        < by_hash["header"]["height"]
    )
    assert final["header"]["chunk_mask"] == [True]
    assert final["author"] in {f"node{index}" for index in range(4)}


@pytest.mark.parametrize(
    ("call", "status", "name", "cause"),
    [
        ({"method": "nonsense"}, 400, "REQUEST_VALIDATION_ERROR", "METHOD_NOT_FOUND"),
        ({}, 400, "REQUEST_VALIDATION_ERROR", "PARSE_ERROR"),
        ({"method": "block", "params": {}}, 400, "REQUEST_VALIDATION_ERROR", "PARSE_ERROR"),
        ({"method": "block", "params": {"block_id": -1}}, 422, "HANDLER_ERROR", "UNKNOWN_BLOCK"),
        ({"method": "block", "params": {"block_id": 10**9}}, 200, "HANDLER_ERROR", "UNKNOWN_BLOCK"),
        ({"method": "validators", "params": ["nonsense"]}, 200, "HANDLER_ERROR", "UNKNOWN_EPOCH"),
        ({"method": "maintenance_windows"}, 400, "REQUEST_VALIDATION_ERROR", "PARSE_ERROR"),
    ],
)
def test_errors_are_neards(net: Net, call: dict[str, Any], status: int, name: str, cause: str) -> None:
    code, error = _error(net["node0"], json.dumps(call | {"jsonrpc": "2.0", "id": 1}).encode())
    assert (code, error["name"], error["cause"]["name"]) == (status, name, cause)


def test_validators_of_an_epoch_that_is_over(net: Net) -> None:
    last = net["node0"].call("block", {"block_id": 20})["header"]
    found = net["node0"].call("validators", {"epoch_id": last["epoch_id"]})
    assert found["epoch_start_height"] == 1
    assert sum(item["num_expected_blocks"] for item in found["current_validators"]) == 20
    assert found == net["node0"].call("validators", [last["hash"]])
    assert _error(net["node0"], b'{"method":"validators","params":[19],"id":1}')[1]["cause"]["name"] == "UNKNOWN_EPOCH"


def test_maintenance_windows_are_the_heights_without_duty(net: Net) -> None:
    for _ in range(5):
        before = net["node0"].height()
        windows = net["node0"].call("maintenance_windows", {"account_id": "node0"})
        everything = net["node0"].call("EXPERIMENTAL_maintenance_windows", ["nobody"])
        if net["node0"].height() == before:
            break
    assert len(everything) == 1
    assert everything[0]["end"] % 20 == 1
    free = [height for item in windows for height in range(item["start"], item["end"])]
    # Of four equal validators each makes one block and one chunk in four heights.
    assert abs(len(free) - (everything[0]["end"] - everything[0]["start"]) / 2) <= 1


def test_metrics_and_debug_pages(net: Net) -> None:
    node = net["node0"]
    assert node.metric("near_largest_target_height") >= node.metric("near_final_block_height") + 2
    assert node.metric("near_block_produced_total") > 5
    assert node.metric("near_peer_connections_total") == 3
    assert node.metric("near_sync_status") == 0
    assert json.loads(node.get("/network_info"))["num_active_peers"] == 3
    assert json.loads(node.get("/health")) is None
    assert "detailed_debug_status" in json.loads(node.get("/debug/api/status"))
    assert json.loads(node.get("/debug/api/tracked_shards"))
    assert json.loads(node.get("/debug/api/catchup_status"))
    head = urllib.request.Request(f"http://{node.rpc}/status", method="HEAD")
    with urllib.request.urlopen(head, timeout=2) as answer:  # noqa: S310 - own node
        assert answer.read() == b""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        node.get("/nonsense")


def test_one_validator_alone_on_ipv6_with_its_own_metrics_port(tmp_path: Path) -> None:
    binary = install.write(tmp_path / "bin")
    node = SimNode(tmp_path / "node0", binary, {"NEARD_SIM_START_DELAY_MS": "0", "PATH": "/usr/bin:/bin"})
    net_args = ["--home", str(tmp_path), "localnet", "--v", "1"]

    subprocess.run([binary, *net_args], check=True, timeout=20)
    assert node.rpc.startswith("[::1]:")
    (extra,) = free_addresses(1)
    node.start("--rpc-prometheus-addr", extra)
    try:
        until("blocks", lambda: node.height() >= 3, node.log)
        with urllib.request.urlopen(f"http://{extra}/metrics", timeout=2) as answer:
            assert b"near_block_height_head" in answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://{extra}/status", timeout=2)
    finally:
        node.kill()
